//! TLS by rustls: the certificate and its key from files, read again on demand.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::{ConfigError, TlsFiles};

/// The certificate in use. New connections take the newest.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ConfigError`] with the file that is missing or wrong. It repeats nothing of its content.
    pub fn load(files: TlsFiles) -> Result<Self, ConfigError> {
        let current = RwLock::new(Arc::new(read(&files)?));
        Ok(Self { files, current })
    }

    /// Reads the files again; when they are wrong the certificate in use stays.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub fn reload(&self) -> Result<(), ConfigError> {
        let fresh = Arc::new(read(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// What shakes hands with the newest certificate.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(files: &TlsFiles) -> Result<ServerConfig, ConfigError> {
    let text = |path: &Path| std::fs::read(path).map_err(|error| ConfigError::file(path, error.to_string()));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text(&files.certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|_| ConfigError::file(&files.certificate, "expected certificates in PEM"))?;
    if chain.is_empty() {
        return Err(ConfigError::file(&files.certificate, "expected certificates in PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(&zeroize::Zeroizing::new(text(&files.key)?))
        .map_err(|_| ConfigError::file(&files.key, "expected a private key in PEM"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|_| ConfigError::file(&files.key, "is no key of the certificate"))?;
    // HTTP/2 has no raw request target, which is what the policy decides on.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn files_that_do_not_fit_are_told_and_keep_the_old_certificate() {
        let folder = std::env::temp_dir().join(format!("scopegate-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        assert!(Tls::load(files.clone()).unwrap_err().to_string().contains("cert.pem: No such file"));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, "no key").unwrap();
        assert!(Tls::load(files.clone()).unwrap_err().to_string().ends_with("key.pem: expected a private key in PEM"));
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let tls = Tls::load(files.clone()).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&files.certificate, other.cert.pem()).unwrap();
        assert!(tls.reload().unwrap_err().to_string().ends_with("key.pem: is no key of the certificate"));
        std::fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
        let before = tls.current.read().unwrap().clone();
        tls.reload().unwrap();
        assert!(!Arc::ptr_eq(&before, &tls.current.read().unwrap()));
        std::fs::write(&files.certificate, "").unwrap();
        assert!(tls.reload().unwrap_err().to_string().ends_with("cert.pem: expected certificates in PEM"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
