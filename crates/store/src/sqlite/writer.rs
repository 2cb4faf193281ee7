//! The one thread that commits: it takes what is queued, judges each commit in order, appends the
//! accepted ones to the log with one write and one sync, and answers each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Statement};
use tokio::sync::{mpsc, oneshot};

use super::draft::Draft;
use super::judge::{Base, Judge, Verdict};
use super::log::Log;
use super::merge::Progress;
use super::recent::Frozen;
use super::short::KeyCode;
use super::{Shared, store_error};
use crate::observer::BatchReport;
use crate::{Commit, CommitError, Revision, StoreError};

/// Commits in a batch from which on the next batch waits for more.
const CROWD: usize = 4;
/// How long it waits.
const PAUSE: Duration = Duration::from_micros(400);

/// A (validated) commit to carry out, and whom to answer.
pub(crate) struct Job {
    pub(crate) commit: Commit,
    pub(crate) reply: Reply,
}

/// Gets the commit back too: memory is best given back by the thread that took it.
type Reply = oneshot::Sender<(Answer, Commit)>;

type Answer = Result<Revision, CommitError>;

/// A batch that is in the log.
struct Batch {
    draft: Draft,
    /// What each commit is answered.
    answers: Vec<Answer>,
    sync: Duration,
}

/// Questions about the merged records.
struct Lookup<'c> {
    code: &'c KeyCode,
    version: Statement<'c>,
    below: Statement<'c>,
}

impl<'c> Lookup<'c> {
    fn prepare(connection: &'c Connection, code: &'c KeyCode) -> rusqlite::Result<Self> {
        Ok(Self {
            code,
            version: connection.prepare("SELECT version FROM records WHERE key = ?1")?,
            below: connection.prepare("SELECT key FROM records WHERE key >= ?1 ORDER BY 1")?,
        })
    }
}

impl Base for Lookup<'_> {
    fn version(&mut self, key: &str) -> Result<Revision, StoreError> {
        let Some(short) = self.code.shorten(key) else { return Ok(0) };
        let version = self.version.query_row([short], |row| row.get::<_, i64>(0)).optional();
        Ok(version.map_err(store_error)?.unwrap_or(0) as u64)
    }

    fn any_below(
        &mut self,
        prefix: &str,
        hidden: &dyn Fn(&str) -> bool,
    ) -> Result<bool, StoreError> {
        let Some(short) = self.code.shorten(prefix) else { return Ok(false) };
        let mut rows = self.below.query([short]).map_err(store_error)?;
        while let Some(row) = rows.next().map_err(store_error)? {
            let key = self.code.read(row, 0).map_err(store_error)?;
            if !key.starts_with(prefix) {
                return Ok(false);
            }
            if !hidden(&key) {
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
    pub(crate) log: Log,
    pub(crate) progress: Arc<Progress>,
    /// Takes what is to be merged; one at a time.
    pub(crate) sweeps: SyncSender<Frozen>,
    pub(crate) max_batch: usize,
    /// Size of the recent records at which they are merged.
    pub(crate) threshold: usize,
}

impl Writer {
    /// Runs until the store is closed, and has what is left merged then; what fails of that stays in the log. `ready` is told
    /// whether the statements could be prepared.
    pub(crate) fn run(
        mut self,
        connection: &Connection,
        ready: std::sync::mpsc::Sender<rusqlite::Result<()>>,
    ) -> Result<(), StoreError> {
        let code = Arc::clone(&self.shared.code);
        let mut lookup = match Lookup::prepare(connection, &code) {
            Ok(lookup) => lookup,
            Err(error) => {
                let _opener_is_gone = ready.send(Err(error));
                return Ok(());
            }
        };
        if ready.send(Ok(())).is_err() {
            return Ok(());
        }
        // There may be much in the log that was not merged before a crash.
        self.sweep_if_due();
        let mut queued = Vec::with_capacity(self.max_batch);
        let mut crowd = 0;
        while self.jobs.blocking_recv_many(&mut queued, self.max_batch) > 0 {
            self.gather(&mut queued, crowd);
            crowd = queued.len();
            let jobs = queued.drain(..).map(|Job { commit, reply }| (commit, reply));
            let (commits, replies) = jobs.unzip();
            self.batch(&mut lookup, commits, replies);
        }
        self.progress.finish()?;
        self.sweep();
        self.progress.finish()
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
    fn batch(&mut self, lookup: &mut Lookup<'_>, commits: Vec<Commit>, replies: Vec<Reply>) {
        let began = Instant::now();
        let mut report = BatchReport::default();
        match guarded(|| self.append(lookup, &commits)) {
            Ok(batch) => {
                report.sync = batch.sync;
                self.publish(batch, commits, replies, &mut report, began);
                self.settle();
                self.sweep_if_due();
            }
            Err(error) => {
                report.failures = replies.len();
                report.total = began.elapsed();
                self.shared.meter.batch(&report);
                for (reply, commit) in replies.into_iter().zip(commits) {
                    let _caller_is_gone = reply.send((Err(error.clone().into()), commit));
                }
            }
        }
    }

    /// Everything that may fail.
    fn append(&mut self, lookup: &mut Lookup<'_>, commits: &[Commit]) -> Result<Batch, StoreError> {
        if self.is_full() {
            self.progress.wait()?;
            self.sweep_if_due();
        }
        let (draft, answers) = self.judge(commits, lookup)?;
        let syncing = Instant::now();
        if let Some((first, row)) = draft.row() {
            self.log.append(first, draft.revision(), row)?;
        }
        Ok(Batch { draft, answers, sync: syncing.elapsed() })
    }

    /// Keeps the recent keys in order, once those who committed have their answers, and while others read.
    fn settle(&self) {
        let run = self.shared.recent().next_run();
        if let Some(run) = run {
            self.shared.recent_mut().settle(run);
        }
    }

    /// Whether as much has come together as may, and more is being merged.
    fn is_full(&self) -> bool {
        let recent = self.shared.recent();
        recent.bytes() >= self.threshold && recent.frozen().is_some()
    }

    fn sweep_if_due(&mut self) {
        let is_due = {
            let recent = self.shared.recent();
            recent.bytes() >= self.threshold && recent.frozen().is_none()
        };
        if is_due {
            self.sweep();
        }
    }

    /// Has everything up to now merged, unless there is nothing.
    fn sweep(&mut self) {
        if self.shared.recent().bytes() == 0 {
            return;
        }
        self.log.seal();
        let frozen = self.shared.recent_mut().freeze();
        self.progress.begin();
        // An error says that the thread has ended, which whoever waits for it is told.
        let _ended = self.sweeps.send(frozen);
    }

    /// Judges a batch's commits in order.
    fn judge(
        &self,
        commits: &[Commit],
        lookup: &mut Lookup<'_>,
    ) -> Result<(Draft, Vec<Answer>), StoreError> {
        let recent = self.shared.recent();
        let mut judge = Judge::new(&recent, commits);
        let mut answers = Vec::with_capacity(commits.len());
        for commit in commits {
            answers.push(match judge.judge(commit, lookup)? {
                Verdict::Accepted { revision } => Ok(revision),
                Verdict::Conflict { compare } => Err(CommitError::Conflict { compare }),
            });
        }
        Ok((judge.into_draft(), answers))
    }

    /// Makes a batch that is in the log visible and answers it.
    fn publish(
        &mut self,
        batch: Batch,
        commits: Vec<Commit>,
        replies: Vec<Reply>,
        report: &mut BatchReport,
        began: Instant,
    ) {
        let Batch { draft, answers, .. } = batch;
        report.commits = answers.iter().filter(|answer| answer.is_ok()).count();
        report.conflicts = answers.len() - report.commits;
        report.records = draft.written();
        if let Some((_, row)) = draft.row() {
            self.shared.recent_mut().apply(draft.revision(), row, draft.marks());
            let changed = draft.entries().map(|entry| (entry.version, entry.key));
            self.shared.changes.push(draft.revision(), changed);
        }
        report.total = began.elapsed();
        self.shared.meter.batch(report);
        for ((reply, commit), answer) in replies.into_iter().zip(commits).zip(answers) {
            // An error says that the committer was dropped and wants no answer.
            let _caller_is_gone = reply.send((answer, commit));
        }
    }
}

/// Runs what may fail. The writer must outlive a bug in it: everyone would wait for ever otherwise.
fn guarded<T>(run: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(StoreError::Unavailable("a batch panicked".to_owned())))
}
