use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::server::{Server, transport};
use crate::logto::{Client, ClientConfig, Credentials, Endpoint, Error, Failure, Transport};

/// A CA of one's own, as PEM, and a server whose certificate it signed.
struct Private {
    ca: String,
    port: u16,
}

impl Private {
    async fn start() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        // The provider has to be there.
        transport(Duration::from_secs(1));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(serve(
            listener,
            TlsAcceptor::from(std::sync::Arc::new(config)),
        ));
        Self { ca, port }
    }

    async fn connect(&self, host: &str, ca_bundle: Option<&str>) -> Result<Client, Error> {
        let server = Server::start(|_| None).await;
        let endpoint = format!("https://{host}:{}", self.port);
        let bundle = ca_bundle.map(str::as_bytes);
        Client::connect(ClientConfig {
            transport: Transport::new(Duration::from_secs(5), bundle).unwrap(),
            credentials: Credentials {
                endpoint: Endpoint::parse(&endpoint, false).unwrap(),
                ..server.config().credentials
            },
            ..server.config()
        })
        .await
    }
}

/// Answers each request with a discovery document for the host that was asked.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut stream) = acceptor.accept(stream).await else {
            continue;
        };
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await.unwrap_or_default();
        let request = String::from_utf8_lossy(&request[..read]).into_owned();
        let host = request.lines().find_map(|line| line.strip_prefix("host: "));
        let origin = format!("https://{}", host.unwrap_or_default());
        let body = format!(
            r#"{{"issuer":"{origin}/oidc","token_endpoint":"{origin}/oidc/token","jwks_uri":"{origin}/oidc/jwks"}}"#
        );
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        _ = stream.write_all(answer.as_bytes()).await;
        _ = stream.shutdown().await;
    }
}

fn is_certificate(error: Option<Error>) -> bool {
    let cause = Failure::Certificate;
    matches!(error, Some(Error::Retry { cause: found, .. }) if found == cause)
}

#[tokio::test]
async fn a_private_ca_is_trusted_with_its_bundle_and_refused_without() {
    let (server, other) = (Private::start().await, Private::start().await);
    for host in ["localhost", "127.0.0.1"] {
        let client = server.connect(host, Some(&server.ca)).await.unwrap();
        let issuer = &client.discovery().issuer;
        assert_eq!(*issuer, format!("https://{host}:{}/oidc", server.port));
        let both = format!("{}{}", other.ca, server.ca);
        assert!(server.connect(host, Some(&both)).await.is_ok());
        let error = server.connect(host, Some(&other.ca)).await.err();
        assert!(is_certificate(error.clone()), "{host}: {error:?}");
        let error = server.connect(host, None).await.err();
        assert!(is_certificate(error.clone()), "{host}: {error:?}");
        let message = error.unwrap().to_string();
        assert!(message.contains("caBundleRef"), "{message}");
    }
}

#[tokio::test]
async fn no_version_before_tls_1_2_is_offered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let client = transport(Duration::from_secs(5));
    tokio::spawn(client.requests().get(url).send());
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut hello = vec![0; 4096];
    let read = stream.read(&mut hello).await.unwrap();
    // The extension supported_versions (RFC 8446, section 4.2.1): 43, 5 bytes, of them 4 of list: 1.3 and 1.2.
    let versions = [0, 43, 0, 5, 4, 3, 4, 3, 3];
    assert!(hello[..read].windows(9).any(|bytes| bytes == versions));
}
