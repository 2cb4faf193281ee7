//! The one thread that writes: it takes what is queued, judges each commit in order, appends the
//! accepted ones to the log in one transaction, syncs once, and answers each. Then it merges a slice of earlier ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Statement, params};
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::Checkpointer;
use super::draft::Draft;
use super::judge::{Base, Judge, Verdict};
use super::merge::{Merger, Slice, Tables, Work};
use super::{Shared, log, sort, store_error};
use crate::observer::BatchReport;
use crate::{Commit, CommitError, Revision, StoreError};

/// Commits in a batch from which on the next batch waits for more.
const CROWD: usize = 4;
/// How long it waits.
const PAUSE: Duration = Duration::from_micros(400);

/// What the writer is asked for.
pub(crate) enum Job {
    /// Carry out a (validated) commit.
    Commit { commit: Commit, reply: Reply },
    /// Let the database file have no more than this many pages.
    Limit { pages: u32, reply: oneshot::Sender<Result<(), StoreError>> },
}

type Reply = oneshot::Sender<Answer>;

type Answer = Result<Revision, CommitError>;

/// A committed transaction.
struct Batch {
    draft: Draft,
    /// What each commit is answered, once that is durable.
    answers: Vec<Answer>,
    sync: Duration,
}

/// The thread's statements, prepared once.
struct Statements<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    append: Statement<'c>,
    lookup: Lookup<'c>,
    tables: Tables<'c>,
}

/// Questions about the merged records.
struct Lookup<'c> {
    version: Statement<'c>,
    below: Statement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            append: connection.prepare("INSERT INTO log VALUES (?1, ?2)")?,
            lookup: Lookup {
                version: connection.prepare("SELECT version FROM records WHERE key = ?1")?,
                below: connection.prepare("SELECT key FROM records WHERE key >= ?1 ORDER BY 1")?,
            },
            tables: Tables::prepare(connection)?,
        })
    }
}

impl Base for Lookup<'_> {
    fn version(&mut self, key: &str) -> Result<Revision, StoreError> {
        let version = self.version.query_row([key], |row| row.get::<_, i64>(0)).optional();
        Ok(version.map_err(store_error)?.unwrap_or(0) as u64)
    }

    fn any_below(
        &mut self,
        prefix: &str,
        hidden: &dyn Fn(&str) -> bool,
    ) -> Result<bool, StoreError> {
        let mut rows = self.below.query([prefix]).map_err(store_error)?;
        while let Some(row) = rows.next().map_err(store_error)? {
            let key = row.get_ref(0).and_then(|key| Ok(key.as_str()?)).map_err(store_error)?;
            if !key.starts_with(prefix) {
                return Ok(false);
            }
            if !hidden(key) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What the thread needs beside its connection.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) merger: Merger,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) max_batch: usize,
    /// Records that were written since the last slice was merged.
    pub(crate) unmerged: usize,
    /// Length of the write-ahead log in frames, as SQLite tells after each commit.
    pub(crate) frames: Arc<AtomicU32>,
}

impl Writer {
    /// Runs until the store is dropped. `ready` is told whether the statements could be prepared.
    pub(crate) fn run(
        mut self,
        connection: &Connection,
        ready: std::sync::mpsc::Sender<rusqlite::Result<()>>,
    ) {
        let mut statements = match Statements::prepare(connection) {
            Ok(statements) => statements,
            Err(error) => {
                let _opener_is_gone = ready.send(Err(error));
                return;
            }
        };
        if ready.send(Ok(())).is_err() {
            return;
        }
        let mut queued = Vec::with_capacity(self.max_batch);
        let mut crowd = 0;
        while self.jobs.blocking_recv_many(&mut queued, self.max_batch) > 0 {
            self.gather(&mut queued, crowd);
            let (mut commits, mut replies) = (Vec::new(), Vec::new());
            for job in queued.drain(..) {
                match job {
                    Job::Commit { commit, reply } => {
                        commits.push(commit);
                        replies.push(reply);
                    }
                    Job::Limit { pages, reply } => {
                        let _caller_is_gone = reply.send(limit_pages(connection, pages));
                    }
                }
            }
            crowd = commits.len();
            if !commits.is_empty() {
                self.batch(connection, &mut statements, commits, replies);
            }
        }
    }

    /// Waits a moment for more, if the last batch (`crowd`) shows that many commit at once and fewer are there now: a batch
    /// costs the same whatever its size. Not for all of them: while one batch syncs, the others' requests are worked on.
    /// Whoever commits alone never waits.
    fn gather(&mut self, queued: &mut Vec<Job>, crowd: usize) {
        if crowd < CROWD || queued.len() >= crowd {
            return;
        }
        std::thread::sleep(PAUSE);
        while queued.len() < self.max_batch
            && let Ok(job) = self.jobs.try_recv()
        {
            queued.push(job);
        }
    }

    /// Carries out one batch and answers everyone in it.
    fn batch(
        &mut self,
        connection: &Connection,
        statements: &mut Statements<'_>,
        commits: Vec<Commit>,
        replies: Vec<Reply>,
    ) {
        let began = Instant::now();
        // A slice that could not be merged after the last batch: without it memory would grow without end.
        let outcome = self
            .merge(connection, statements)
            .and_then(|()| guarded(connection, || self.transact(connection, statements, commits)));
        let mut report = BatchReport::default();
        match outcome {
            Ok(batch) => {
                report.sync = batch.sync;
                self.publish(batch, replies, &mut report, began);
                // It is tried again before the next batch, which fails if that does.
                let _merged = self.merge(connection, statements);
            }
            Err(error) => {
                report.failures = replies.len();
                report.total = began.elapsed();
                self.shared.meter.batch(&report);
                for reply in replies {
                    let _caller_is_gone = reply.send(Err(error.clone().into()));
                }
            }
        }
        self.checkpointer.written(self.frames.load(Ordering::Relaxed));
    }

    /// The transaction: everything that a failure takes back.
    fn transact(
        &self,
        connection: &Connection,
        statements: &mut Statements<'_>,
        commits: Vec<Commit>,
    ) -> Result<Batch, StoreError> {
        synchronous(connection, "FULL")?;
        statements.begin.execute([]).map_err(store_error)?;
        let (draft, answers) = self.judge(&commits, &mut statements.lookup)?;
        if let Some((first, row)) = draft.row() {
            statements.append.execute(params![first as i64, row]).map_err(store_error)?;
        }
        let syncing = Instant::now();
        statements.commit.execute([]).map_err(store_error)?;
        Ok(Batch { draft, answers, sync: syncing.elapsed() })
    }

    /// Merges the next slice if anything came since the last one, in a transaction that is not synced: the next batch's
    /// sync covers it.
    fn merge(
        &mut self,
        connection: &Connection,
        statements: &mut Statements<'_>,
    ) -> Result<(), StoreError> {
        if self.unmerged == 0 {
            return Ok(());
        }
        if self.merger.begins(&self.shared.recent()) {
            let frozen = self.shared.recent_mut().freeze();
            sort(frozen, Arc::clone(&self.shared.filter));
        }
        let (frozen, latest) = {
            let recent = self.shared.recent();
            (recent.frozen().cloned(), recent.revision())
        };
        if let Some(work) = self.merger.work(frozen.as_ref()) {
            let slice = guarded(connection, || self.slice(connection, statements, &work, latest))?;
            if let Some(frozen) = &frozen {
                self.shared.merged(frozen, &slice);
            }
            self.merger.done(slice);
        }
        self.unmerged = 0;
        Ok(())
    }

    fn slice(
        &self,
        connection: &Connection,
        statements: &mut Statements<'_>,
        work: &Work<'_>,
        latest: Revision,
    ) -> Result<Slice, StoreError> {
        synchronous(connection, "NORMAL")?;
        statements.begin.execute([]).map_err(store_error)?;
        let slice = self
            .merger
            .slice(work, self.unmerged, latest, &mut statements.tables)
            .map_err(store_error)?;
        statements.commit.execute([]).map_err(store_error)?;
        Ok(slice)
    }

    /// Judges a batch's commits in order.
    fn judge(
        &self,
        commits: &[Commit],
        lookup: &mut Lookup<'_>,
    ) -> Result<(Draft, Vec<Answer>), StoreError> {
        let recent = self.shared.recent();
        let room = commits.iter().map(|commit| log::room(&commit.writes)).sum();
        let mut judge = Judge::new(&recent, room);
        let mut answers = Vec::with_capacity(commits.len());
        for commit in commits {
            answers.push(match judge.judge(commit, lookup)? {
                Verdict::Accepted { revision } => Ok(revision),
                Verdict::Conflict { compare } => Err(CommitError::Conflict { compare }),
            });
        }
        Ok((judge.into_draft(), answers))
    }

    /// Makes a synced batch visible and answers it.
    fn publish(
        &mut self,
        batch: Batch,
        replies: Vec<Reply>,
        report: &mut BatchReport,
        began: Instant,
    ) {
        let Batch { draft, answers, .. } = batch;
        report.commits = answers.iter().filter(|answer| answer.is_ok()).count();
        report.conflicts = answers.len() - report.commits;
        report.records = draft.written();
        self.unmerged += draft.written();
        if draft.written() > 0 {
            let changed: Vec<(Revision, Arc<str>)> =
                draft.entries().map(|entry| (entry.version, Arc::from(entry.key))).collect();
            let (revision, row, marks) = draft.into_parts();
            self.shared.recent_mut().apply(revision, row, marks);
            self.shared.changes.push(revision, changed.into_iter());
        }
        report.total = began.elapsed();
        self.shared.meter.batch(report);
        for (reply, answer) in replies.into_iter().zip(answers) {
            // An error says that the committer was dropped and wants no answer.
            let _caller_is_gone = reply.send(answer);
        }
    }
}

/// Runs a transaction: if it fails, or panics, it is rolled back. The writer must outlive a bug in what it runs: everyone
/// would wait for ever otherwise.
fn guarded<T>(
    connection: &Connection,
    transaction: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let outcome = catch_unwind(AssertUnwindSafe(transaction))
        .unwrap_or_else(|_| Err(StoreError::Unavailable("a batch panicked".to_owned())));
    if outcome.is_err() && !connection.is_autocommit() {
        // Fails only if SQLite has rolled back by itself.
        let _rolled_back = connection.execute_batch("ROLLBACK");
    }
    outcome
}

/// Whether commits are synced (FULL) or not (NORMAL), from now on.
fn synchronous(connection: &Connection, level: &str) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", level).map_err(store_error)
}

fn limit_pages(connection: &Connection, pages: u32) -> Result<(), StoreError> {
    let pragma = format!("PRAGMA max_page_count = {pages}");
    connection.query_row(&pragma, [], |_| Ok(())).map_err(store_error)
}
