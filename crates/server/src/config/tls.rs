//! The server's certificate and key: read from PEM files, checked against each other, replaced
//! while serving when the operator renews them. A renewal that is wrong leaves the old certificate
//! in use.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::metrics::gauge::Gauge;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::private;

/// Why a certificate and its key cannot be used: names the file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{what} {}: {reason}", path.display())]
    File {
        /// `tls_cert` or `tls_key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// They are fine, but not of each other.
    #[error(
        "tls_key {} is not the key of the first certificate in tls_cert {}",
        key.display(), cert.display()
    )]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The TLS library refuses the protocol set-up.
    #[error("TLS: {0}")]
    Setup(rustls::Error),
}

/// A certificate and key from two files, replaceable while in use.
pub struct Identity {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// When the first certificate of the chain to expire does, in seconds since the Unix epoch.
    expiry: Gauge,
}

impl Identity {
    /// Reads and checks both files: a chain of certificates, the server's first, and an unencrypted
    /// key in PKCS #8, PKCS #1 or SEC 1 form, which nobody but its owner may read.
    ///
    /// # Errors
    ///
    /// Says which file cannot be used and why: see [`TlsError`].
    pub fn load(cert: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let (current, expires) = read(cert, key)?;
        let expiry = Gauge::default();
        expiry.set(expires);
        let current = RwLock::new(Arc::new(current));
        Ok(Arc::new(Self { cert: cert.to_owned(), key: key.to_owned(), current, expiry }))
    }

    /// Reads both files again. On an error the old certificate stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let (new, expires) = read(&self.cert, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        self.expiry.set(expires);
        Ok(())
    }

    /// When the first certificate of the chain in use to expire does, in seconds since the Unix epoch.
    #[must_use]
    pub fn expiry(&self) -> Gauge {
        self.expiry.clone()
    }

    /// TLS 1.2 and 1.3 with this identity, HTTP/1.1 inside.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let identity = Arc::clone(self);
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(identity);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Reloads at every SIGHUP until `shutdown`. An error of the first call means that SIGHUP
    /// cannot be listened to.
    pub fn reload_on_hangup(
        self: &Arc<Self>,
        shutdown: CancellationToken,
    ) -> std::io::Result<tokio::task::JoinHandle<()>> {
        let identity = Arc::clone(self);
        let mut hangups = signal(SignalKind::hangup())?;
        Ok(tokio::spawn(async move {
            while let Some(Some(())) = shutdown.run_until_cancelled(hangups.recv()).await {
                match identity.reload() {
                    Ok(()) => tracing::info!("certificate and key read again"),
                    Err(error) => tracing::error!(%error, "the old certificate stays in use"),
                }
            }
        }))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("cert", &self.cert).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(cert_path: &Path, key_path: &Path) -> Result<(CertifiedKey, i64), TlsError> {
    let cert_error = |reason: String| file_error("tls_cert", cert_path, reason);
    let key_error = |reason: String| file_error("tls_key", key_path, reason);
    let chain = CertificateDer::pem_file_iter(cert_path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| cert_error(reason(&error, "certificate")))?;
    if chain.is_empty() {
        return Err(cert_error("holds no certificate in PEM form".to_owned()));
    }
    let expires = expiry(&chain)
        .map_err(|error| cert_error(format!("the certificate cannot be used: {error}")))?;
    let shared = private::shared(key_path).map_err(|error| key_error(error.to_string()))?;
    if let Some(mode) = shared {
        return Err(key_error(private::rule(mode, "600")));
    }
    let key = PrivateKeyDer::from_pem_file(key_path)
        .map_err(|error| key_error(reason(&error, "unencrypted private key")))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|error| key_error(format!("the private key cannot be used: {error}")))?;
    let identity = CertifiedKey::new(chain, key);
    match identity.keys_match() {
        Ok(()) => Ok((identity, expires)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(TlsError::Mismatch { cert: cert_path.to_owned(), key: key_path.to_owned() })
        }
        Err(error) => Err(cert_error(format!("the certificate cannot be used: {error}"))),
    }
}

/// When the first of them to expire does.
fn expiry(chain: &[CertificateDer<'_>]) -> Result<i64, String> {
    let mut first = i64::MAX;
    for der in chain {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        first = first.min(certificate.validity().not_after.timestamp());
    }
    Ok(first)
}

fn reason(error: &pem::Error, wanted: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("holds no {wanted} in PEM form"),
        pem::Error::Io(error) => error.to_string(),
        other => format!("is not valid PEM: {other}"),
    }
}

fn file_error(what: &'static str, path: &Path, reason: String) -> TlsError {
    TlsError::File { what, path: path.to_owned(), reason }
}
