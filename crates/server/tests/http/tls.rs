//! TLS: certificates made on the spot, a real client.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use linkway_server::config::tls::Identity;
use linkway_server::http::Limits;
use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::support::{Client, Server, bounded, get, post};

struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> (Self, CertificateDer<'static>) {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        let cert = files.renew();
        (files, cert)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn renew(&self) -> CertificateDer<'static> {
        let names = vec!["localhost".to_owned()];
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        std::fs::write(self.path("cert.pem"), cert.pem()).unwrap();
        write_private(&self.path("key.pem"), &signing_key.serialize_pem());
        cert.der().clone()
    }

    fn load(&self) -> Arc<Identity> {
        Identity::load(&self.path("cert.pem"), &self.path("key.pem")).unwrap()
    }
}

/// A file as a key must be: its owner's alone.
fn write_private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    Ok(Client::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

async fn start(identity: &Arc<Identity>, limits: Limits) -> Server {
    Server::start_with(limits, Some(identity.server_config().unwrap())).await
}

#[test]
fn requests_work_over_tls_as_without() {
    bounded(async {
        let (files, cert) = Files::new();
        let server = start(&files.load(), Limits::default()).await;
        let mut client = connect(&server, &cert).await.unwrap();
        client.send(post(b"abc")).await;
        assert_eq!(client.answer().await.text(), "POST / 2 3 294");
        client.send(get("/stream?3000000")).await;
        assert_eq!(client.answer().await.body.len(), 3_000_000);
        client.send(post(&vec![b'a'; 1024 * 1024])).await;
        let answer = client.answer().await;
        answer.assert_error(413, "RequestEntityTooLargeException", "over TLS");
        let mut client = connect(&server, &cert).await.unwrap();
        client.send("nonsense\r\n\r\n").await;
        client.answer().await.assert_error(400, "BadRequestException", "over TLS");
        client.assert_closed("close_notify").await;
    });
}

#[test]
fn failed_handshakes_harm_nobody_else() {
    bounded(async {
        let (files, cert) = Files::new();
        let (_, stranger) = Files::new();
        let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
        let server = start(&files.load(), limits).await;
        let mut silent = server.connect().await;
        let mut plain = server.connect().await;
        plain.send(get("/x")).await;
        assert!(plain.try_answer().await.is_err());
        assert!(connect(&server, &stranger).await.is_err());
        silent.assert_closed("silent").await;
        let mut client = connect(&server, &cert).await.unwrap();
        client.send(get("/x")).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(server.metric("linkway_tls_handshakes_failed_total"), 3);
        client.io.get_mut().shutdown().await.unwrap();
    });
}

#[test]
fn a_hangup_brings_the_renewed_certificate_and_a_bad_one_changes_nothing() {
    bounded(async {
        let (files, old) = Files::new();
        let identity = files.load();
        let server = start(&identity, Limits::default()).await;
        let shutdown = CancellationToken::new();
        let listening = identity.reload_on_hangup(shutdown.clone()).unwrap();
        assert!(connect(&server, &old).await.is_ok());
        write_private(&files.path("key.pem"), "nothing");
        assert!(identity.reload().is_err());
        assert!(connect(&server, &old).await.is_ok());
        let new = files.renew();
        let own = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-HUP", &own]).status().unwrap();
        assert!(sent.success());
        while connect(&server, &new).await.is_err() {}
        assert!(connect(&server, &old).await.is_err());
        shutdown.cancel();
        listening.await.unwrap();
    });
}

#[test]
fn errors_say_which_file_and_what_is_wrong() {
    let (files, _) = Files::new();
    let (cert, key) = (files.path("cert.pem"), files.path("key.pem"));
    let (none, text) = (files.path("none.pem"), files.path("text.pem"));
    let (torn, other) = (files.path("torn.pem"), files.path("other.pem"));
    let open = files.path("open.pem");
    write_private(&text, "hello");
    write_private(&torn, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    write_private(&other, &KeyPair::generate().unwrap().serialize_pem());
    std::fs::copy(&key, &open).unwrap();
    std::fs::set_permissions(&open, Permissions::from_mode(0o640)).unwrap();
    let table: [(&Path, &Path, &str); 8] = [
        (&none, &key, "tls_cert DIR/none.pem: No such file"),
        (&cert, &none, "tls_key DIR/none.pem: No such file"),
        (&text, &key, "tls_cert DIR/text.pem: holds no certificate"),
        (&cert, &text, "tls_key DIR/text.pem: holds no unencrypted private key"),
        (&cert, &cert, "tls_key DIR/cert.pem: its permissions are"),
        (&cert, &open, "tls_key DIR/open.pem: its permissions are 640; nobody but its owner"),
        (&torn, &key, "tls_cert DIR/torn.pem: is not valid PEM"),
        (&cert, &other, "tls_key DIR/other.pem is not the key of the first certificate"),
    ];
    for (cert, key, expected) in table {
        let error = Identity::load(cert, key).unwrap_err().to_string();
        let error = error.replace(files.dir.path().to_str().unwrap(), "DIR");
        assert!(error.starts_with(expected), "{error}");
    }
}
