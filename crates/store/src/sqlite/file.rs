//! The database file: whose it is, which schema it has, and that one process has it.
//!
//! A file is judged by its first hundred bytes before SQLite touches it, so that a file which is
//! refused stays as it is, to the byte, with nothing left beside it. For that to be the truth,
//! the file is created under another name and renamed when complete, and migrations run with a
//! rollback journal: the version in the header is then never only in a write-ahead log.
//!
//! The lock is a file beside the database rather than the database itself, because closing any
//! descriptor of a file drops the POSIX locks that SQLite holds on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OpenFlags, params};
use thiserror::Error;

use super::short::KeyCode;
use super::store_error;
use crate::StoreError;
use crate::files::{beside, create_private, sync_directory};

/// `Lkwy`, in the header field that SQLite keeps for such marks.
const APPLICATION_ID: u32 = 0x4c6b_7779;

/// A part of a migration.
type Step = fn(&Connection, &KeyCode) -> rusqlite::Result<()>;

/// Step `n` takes a database from schema version `n` to `n + 1`; a new one takes them all.
/// A step, once released, is never changed.
const MIGRATIONS: &[Step] = &[
    |connection, _| connection.execute_batch(VERSION_1),
    |connection, _| connection.execute_batch(VERSION_2),
    |connection, _| connection.execute_batch(VERSION_3),
    |connection, _| connection.execute_batch(VERSION_4),
    version_5,
    |connection, _| connection.execute_batch(VERSION_6),
];

/// `records` is one tree ordered by key. Its rows stay small, because a page then holds more of
/// them: a value above a threshold lives in `large`, named by its number. `log` holds the commits
/// that are not yet merged into `records`. `state` has one row: a revision that was
/// reached, and where merging stands.
const VERSION_1: &str = "
    CREATE TABLE records (
        key TEXT PRIMARY KEY NOT NULL,
        version INTEGER NOT NULL,
        value BLOB,
        large INTEGER
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE large (id INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT;
    CREATE TABLE log (revision INTEGER PRIMARY KEY, changes BLOB NOT NULL) STRICT;
    CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL,
        mark INTEGER,
        after TEXT
    ) STRICT;
    INSERT INTO state (id, revision) VALUES (1, 0);
";

/// A row of the log may hold several commits, which earlier builds would misread; they refuse the file instead.
const VERSION_2: &str = "";

/// The log is in files beside the database, and `log` keeps what an earlier build had there until that is merged. `revision` says
/// up to where everything is merged, or in `log`; `identity` says whose those files are.
const VERSION_3: &str = "
    ALTER TABLE state DROP COLUMN mark;
    ALTER TABLE state DROP COLUMN after;
    ALTER TABLE state ADD COLUMN identity BLOB NOT NULL DEFAULT x'';
    UPDATE state SET identity = randomblob(16);
";

/// Audit records have a form that earlier builds cannot read; they refuse the file instead.
const VERSION_4: &str = "";

/// Keys are [`short`](super::short). The rows stay in their order, so the new tree is filled from one end to the other. `symbols`
/// says which code they are written in; the builds that made version 5 first had one code only, and no such table, see
/// [`FIRST_CODE`].
fn version_5(connection: &Connection, code: &KeyCode) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE short (
            key BLOB PRIMARY KEY NOT NULL,
            version INTEGER NOT NULL,
            value BLOB,
            large INTEGER
        ) WITHOUT ROWID, STRICT;",
    )?;
    let mut old =
        connection.prepare("SELECT key, version, value, large FROM records ORDER BY 1")?;
    let mut add = connection.prepare("INSERT INTO short VALUES (?1, ?2, ?3, ?4)")?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let key = code.to_store(row.get_ref(0)?.as_str()?)?;
        let same = |column| row.get_ref(column).map(ToSqlOutput::Borrowed);
        add.execute(params![key, same(1)?, same(2)?, same(3)?])?;
    }
    drop(rows);
    connection.execute_batch(
        "DROP TABLE records; ALTER TABLE short RENAME TO records;
        CREATE TABLE symbols (checksum INTEGER NOT NULL) STRICT;",
    )?;
    connection.execute("INSERT INTO symbols VALUES (?1)", [code.checksum()])?;
    Ok(())
}

/// Values have forms that earlier builds cannot read; they refuse the file instead.
const VERSION_6: &str = "";

/// The checksum of the code of all databases of schema version 5 that do not say which one they have.
const FIRST_CODE: u32 = 0x7ce2_66ab;

/// The checksum of the code that the keys of a database are written in.
fn code_of(connection: &Connection) -> rusqlite::Result<u32> {
    let says = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'symbols')";
    match connection.query_row(says, [], |row| row.get(0))? {
        true => connection.query_row("SELECT checksum FROM symbols", [], |row| row.get(0)),
        false => Ok(FIRST_CODE),
    }
}

/// Bytes of a page; measured, see the crate's documentation.
const PAGE_BYTES: u32 = 4096;

/// Why a database was not opened. Whatever the reason, the file is as it was.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no file, and none was to be created.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Another process (or this one) has it open.
    #[error("{} is in use by another process, which holds {}", path.display(), lock.display())]
    InUse {
        /// The database.
        path: PathBuf,
        /// The lock file.
        lock: PathBuf,
    },
    /// It is not a database of this program.
    #[error("{} is not a Linkway database: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What gives it away.
        reason: String,
    },
    /// A newer build has written it.
    #[error(
        "{} has schema version {found}, but this build knows only versions up to {supported}: \
         use a newer build",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest that this build can read.
        supported: u32,
    },
    /// Its keys cannot be read with [`SqliteOptions::symbols`](crate::SqliteOptions::symbols): it was created with others, or
    /// no database can have these.
    #[error(
        "{} was not created with the key symbols that it is opened with: open it with the program that created it, or a newer \
         build of that",
        path.display()
    )]
    Symbols {
        /// The file.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite could not open or read it.
    #[error("{}: {source}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: StoreError,
    },
}

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
enum Header {
    Missing,
    Version(u32),
}

/// A database that this process owns until the value is dropped.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    _lock: File,
}

impl DatabaseFile {
    /// Takes ownership of the file, creating or migrating it.
    pub(crate) fn claim(path: &Path, create: bool, code: &KeyCode) -> Result<Self, OpenError> {
        let lock_path = beside(path, ".lock");
        // Whoever has a database open has its lock file, so without one the header can be read
        // without disturbing anyone, and a refused file gets no lock file.
        if !lock_path.exists() && read_header(path)? == Header::Missing && !create {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let lock = take_lock(path, &lock_path)?;
        match read_header(path)? {
            Header::Missing if create => create_database(path, code)?,
            Header::Missing => return Err(OpenError::Missing { path: path.to_owned() }),
            Header::Version(version) if version < supported() => migrate_file(path, version, code)?,
            Header::Version(_) => refuse_other_code(path, code)?,
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether opening the file, which must be nobody's, will migrate it.
pub(crate) fn is_older(path: &Path) -> Result<bool, OpenError> {
    Ok(match read_header(path)? {
        Header::Missing => false,
        Header::Version(version) => version < supported(),
    })
}

fn supported() -> u32 {
    MIGRATIONS.len() as u32
}

fn take_lock(path: &Path, lock_path: &Path) -> Result<File, OpenError> {
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(lock_path)
        .map_err(io_error("opening", lock_path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(OpenError::InUse { path: path.to_owned(), lock: lock_path.to_owned() })
        }
        Err(TryLockError::Error(source)) => Err(io_error("locking", lock_path)(source)),
    }
}

/// Reads the SQLite file header (<https://sqlite.org/fileformat2.html#the_database_header>).
fn read_header(path: &Path) -> Result<Header, OpenError> {
    let mut header = Vec::with_capacity(100);
    match File::open(path) {
        Ok(file) => file.take(100).read_to_end(&mut header).map_err(io_error("reading", path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Header::Missing),
        Err(error) => return Err(io_error("opening", path)(error)),
    };
    let foreign = |reason| Err(OpenError::Foreign { path: path.to_owned(), reason });
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return foreign("it has no SQLite header".to_owned());
    }
    let field = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
    let (version, application) = (field(60), field(68));
    if application != APPLICATION_ID {
        return foreign(format!("its application id is {application:#x}"));
    }
    if version > supported() {
        let supported = supported();
        return Err(OpenError::Newer { path: path.to_owned(), found: version, supported });
    }
    Ok(Header::Version(version))
}

pub(crate) fn create_database(path: &Path, code: &KeyCode) -> Result<(), OpenError> {
    let new = beside(path, ".new");
    // Left behind by a crash while creating: nobody has ever used it.
    for leftover in [&new, &beside(&new, "-journal")] {
        match std::fs::remove_file(leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("removing", leftover)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    create_private(&new).map_err(io_error("creating", &new))?;
    let pragmas = format!("PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = NONE;");
    let created = open(&new, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|mut connection| {
        connection.execute_batch(&pragmas)?;
        migrate(&mut connection, 0, MIGRATIONS, code)
    });
    created.map_err(|error| OpenError::Store { path: new.clone(), source: store_error(error) })?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(io_error("syncing", &new))?;
    std::fs::rename(&new, path).map_err(io_error("renaming to", path))?;
    sync_directory(path).map_err(io_error("syncing the directory of", path))
}

fn migrate_file(path: &Path, version: u32, code: &KeyCode) -> Result<(), OpenError> {
    let migrated = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|mut connection| {
        connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        connection.execute_batch("PRAGMA synchronous = EXTRA")?;
        migrate(&mut connection, version, MIGRATIONS, code)
    });
    migrated.map_err(|error| OpenError::Store { path: path.to_owned(), source: store_error(error) })
}

/// Refuses a database whose keys are written in another code.
fn refuse_other_code(path: &Path, code: &KeyCode) -> Result<(), OpenError> {
    // Not read-only: if a crash has left a journal, it is to be taken into account, and nothing is to be left behind.
    let found = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|connection| code_of(&connection))
        .map_err(|error| OpenError::Store { path: path.to_owned(), source: store_error(error) })?;
    match found == code.checksum() {
        true => Ok(()),
        false => Err(OpenError::Symbols { path: path.to_owned() }),
    }
}

/// Takes the steps from schema version `from` on, all in one transaction.
fn migrate(
    connection: &mut Connection,
    from: u32,
    steps: &[Step],
    code: &KeyCode,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for step in &steps[from as usize..] {
        step(&transaction, code)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", steps.len() as u32)?;
    transaction.commit()
}

/// Opens a connection; nothing is created.
///
/// `unix-excl` keeps the index of the write-ahead log in this process, which is the only one that has
/// the file: a read then needs no file locks, two system calls each.
pub(crate) fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // No mutex inside SQLite: a connection belongs to one thread or is behind our own lock.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(path, flags, c"unix-excl")
}

pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::super::short::KeySymbols;
    use super::*;
    use crate::{MAX_PAGE, SqliteOptions, SqliteStore, Store, Versioned};

    const A: Step = |connection, _| connection.execute_batch("CREATE TABLE a (x)");
    const B: Step = |connection, _| connection.execute_batch("CREATE TABLE b (x)");

    fn plain() -> KeyCode {
        KeyCode::new(KeySymbols::default()).unwrap()
    }

    fn tables(connection: &Connection) -> Vec<String> {
        let mut names = connection.prepare("SELECT name FROM sqlite_schema ORDER BY 1").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn version(connection: &Connection) -> u32 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_old_schema_takes_only_the_steps_it_lacks() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, &[A], &plain()).unwrap();
        migrate(&mut connection, 1, &[A, B], &plain()).unwrap();
        assert_eq!((tables(&connection), version(&connection)), (vec!["a".into(), "b".into()], 2));
    }

    #[test]
    fn a_failing_step_leaves_the_old_schema() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, &[A], &plain()).unwrap();
        migrate(&mut connection, 1, &[A, B, B], &plain()).unwrap_err();
        assert_eq!((tables(&connection), version(&connection)), (vec!["a".into()], 1));
    }

    #[tokio::test]
    async fn the_keys_of_version_4_become_short() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let mut old = Connection::open(&path).unwrap();
        migrate(&mut old, 0, &MIGRATIONS[..4], &plain()).unwrap();
        old.execute("UPDATE state SET revision = 7000", []).unwrap();
        let mut expected = Vec::new();
        old.execute_batch("BEGIN").unwrap();
        for nth in 0..1500_i64 {
            let group = 100_000_000_000 + nth * 7919 % 1500;
            for key in [
                format!("item-of/{group}/x-f{nth:07}"),
                format!("in/y-f{nth:07}/live/0101"),
                format!("Any {nth} ~ key?"),
            ] {
                let (value, version) = (vec![1_u8; nth as usize], nth + 1);
                let large = (nth > 256).then_some(expected.len() as i64);
                let inline = large.is_none().then_some(&value);
                if let Some(id) = large {
                    old.execute("INSERT INTO large VALUES (?1, ?2)", params![id, value]).unwrap();
                }
                let row = params![key, version, inline, large];
                old.execute("INSERT INTO records VALUES (?1, ?2, ?3, ?4)", row).unwrap();
                expected.push((key, Versioned { version: version.unsigned_abs(), value }));
            }
        }
        old.execute_batch("COMMIT").unwrap();
        drop(old);
        expected.sort_by(|(a, _), (b, _)| a.cmp(b));
        let symbols = KeySymbols { heads: &["in/y-f", "item-of/"], joints: &["/live/", "/x-f"] };
        let options = SqliteOptions { symbols, ..SqliteOptions::default() };
        for _ in 0..2 {
            let store = SqliteStore::open(&path, options.clone()).unwrap();
            assert_eq!(store.check(), Ok(vec![]));
            let page = store.scan("", None, MAX_PAGE).await.unwrap();
            assert!(page.items == expected, "the records differ");
            let (key, versioned) = &expected[3];
            assert_eq!(store.get(key).await, Ok(Some(versioned.clone())));
        }
        let new = Connection::open(&path).unwrap();
        let head = KeyCode::new(symbols).unwrap().shorten("in/y-f").unwrap();
        assert_eq!(head.len(), 1);
        let longest = "SELECT max(length(key)) FROM records WHERE substr(key, 1, 1) = ?1";
        assert_eq!(new.query_row(longest, [head], |row| row.get(0)), Ok(8));
    }
}
