//! Certificates of our own.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority, and a server's certificate for 127.0.0.1 and `localhost`; as files.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// Whom to trust.
    pub authority: PathBuf,
    /// An authority that signed nothing.
    pub stranger: PathBuf,
    /// What the server shows.
    pub certificate: PathBuf,
    /// The key that belongs to it.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes new ones.
    #[must_use]
    pub fn make(folder: &Path) -> Self {
        let (authority, issuer) = authority();
        let (stranger, _) = self::authority();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            file
        };
        Self {
            authority: write("authority.pem", &authority),
            stranger: write("stranger.pem", &stranger),
            certificate: write("server.pem", &certificate.pem()),
            key: write("key.pem", &key.serialize_pem()),
        }
    }
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(params, key))
}
