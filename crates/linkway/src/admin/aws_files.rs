//! The AWS CLI's two files: where they are, and how they are replaced whole or not at all.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;

use linkway_wire::operator::{NewAccessKey, OperatorFile};

use super::aws_profile::{AwsFile, EditError, has_profile, set_profile};
use super::failure::Failure;

/// What to do where the profile exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it as it is, and fail: its keys may be the only copy.
    Keep,
    /// Replace its keys, region and endpoint.
    Overwrite,
}

/// A profile that can be written.
pub struct AwsProfile {
    name: String,
    existing: Existing,
    config: PathBuf,
    credentials: PathBuf,
}

impl AwsProfile {
    /// Finds the files, and makes sure that both can be edited.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] if a file cannot be read, understood or written, or if the profile is in one of them and
    /// `existing` says to keep it.
    pub fn open(name: &str, existing: Existing) -> Result<AwsProfile, Failure> {
        let profile = AwsProfile {
            name: name.to_owned(),
            existing,
            config: located("AWS_CONFIG_FILE", "config")?,
            credentials: located("AWS_SHARED_CREDENTIALS_FILE", "credentials")?,
        };
        for (path, file) in
            [(&profile.config, AwsFile::Config), (&profile.credentials, AwsFile::Credentials)]
        {
            let dir = Directory::of(path)?;
            profile.edited(path, file, &[])?;
            dir.prove_writable()?;
        }
        Ok(profile)
    }

    /// Writes region, endpoint and keys, and tells where on stderr. `ca_cert` becomes the profile's
    /// `ca_bundle`.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`], as [`Self::open`]: the files may have changed since.
    pub fn write(
        &self,
        operator: &OperatorFile,
        key: &NewAccessKey,
        ca_cert: Option<&Path>,
    ) -> Result<(), Failure> {
        let bundle = ca_cert.map(std::path::absolute).transpose();
        let bundle = bundle
            .map_err(|error| Failure::Local(format!("cannot tell where --ca-cert is: {error}")))?
            .map(|path| path.display().to_string());
        let mut config = vec![("region", &*operator.region), ("endpoint_url", &*operator.endpoint)];
        config.extend(bundle.iter().map(|path| ("ca_bundle", &**path)));
        let credentials = [
            ("aws_access_key_id", &*key.access_key_id),
            ("aws_secret_access_key", key.secret_access_key.expose()),
        ];
        self.replace(&self.credentials, AwsFile::Credentials, &credentials)?;
        self.replace(&self.config, AwsFile::Config, &config)?;
        eprintln!(
            "wrote profile {} to {} and {}",
            self.name,
            self.config.display(),
            self.credentials.display()
        );
        Ok(())
    }

    fn replace(
        &self,
        path: &Path,
        file: AwsFile,
        settings: &[(&str, &str)],
    ) -> Result<(), Failure> {
        let dir = Directory::of(path)?;
        let text = self.edited(path, file, settings)?;
        dir.replace(path, &text).map_err(|error| Failure::file("cannot write", path, error))
    }

    fn edited(
        &self,
        path: &Path,
        file: AwsFile,
        settings: &[(&str, &str)],
    ) -> Result<String, Failure> {
        let name = &self.name;
        let cannot = |why: String| Failure::file("cannot edit", path, why);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::file("cannot read", path, error)),
        };
        let edited = set_profile(&text, file, name, settings).map_err(|error| match error {
            EditError::Repeated => cannot(format!("profile {name} is in it more than once")),
        })?;
        match self.existing {
            Existing::Keep if has_profile(&text, file, name) => Err(cannot(format!(
                "profile {name} is in it already; choose another name, or --overwrite to replace what it has"
            ))),
            Existing::Keep | Existing::Overwrite => Ok(edited),
        }
    }
}

/// As the AWS CLI looks for it: the variable, else a file in `~/.aws`; and what a link points to,
/// so that the link stays.
fn located(variable: &str, file: &str) -> Result<PathBuf, Failure> {
    let home = || {
        env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or_else(|| {
            Failure::Local(format!("cannot find the AWS CLI's files: set HOME or {variable}"))
        })
    };
    let path = match env::var_os(variable).filter(|value| !value.is_empty()) {
        None => home()?.join(".aws").join(file),
        Some(value) => match Path::new(&value).strip_prefix("~") {
            Ok(rest) => home()?.join(rest),
            Err(_) => PathBuf::from(value),
        },
    };
    match fs::canonicalize(&path) {
        Ok(real) => Ok(real),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(path),
        Err(error) => Err(Failure::file("cannot read", &path, error)),
    }
}

/// A file's directory, locked against other runs of this program while it is open.
struct Directory {
    path: PathBuf,
    handle: File,
}

impl Directory {
    fn of(file: &Path) -> Result<Directory, Failure> {
        let path = match file.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
            _ => PathBuf::from("."),
        };
        let opened = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .and_then(|()| File::open(&path))
            .and_then(|handle| handle.lock().map(|()| handle));
        match opened {
            Ok(handle) => Ok(Directory { path, handle }),
            Err(error) => Err(Failure::file("cannot use the directory", &path, error)),
        }
    }

    fn prove_writable(&self) -> Result<(), Failure> {
        let temporary = self.temporary();
        let tried = create(&temporary).and_then(|_| fs::remove_file(&temporary));
        tried.map_err(|error| Failure::file("cannot write in", &self.path, error))
    }

    /// Readers see the old text or the new one, never a part, even after a crash.
    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let temporary = self.temporary();
        let written = create(&temporary).and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            self.handle.sync_all()
        });
        if written.is_err() {
            // The error that matters is the first; there may be nothing to remove.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn temporary(&self) -> PathBuf {
        self.path.join(format!(".linkway-{}.tmp", process::id()))
    }
}

fn create(path: &Path) -> io::Result<File> {
    // A crashed run with our process number may have left one behind.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
