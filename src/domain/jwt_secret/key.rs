use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::error::Invalid;
use super::uri::is_absolute_uri;

/// Where Hasura's verification keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWKS that Hasura fetches at start (it exits when that fails) and again as the answer's caching headers say.
    JwkUrl(JwkUrl),
    /// One key in the value itself.
    Key(Key),
}

/// An address of a JWKS that Hasura can fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwkUrl(Url);

impl JwkUrl {
    /// # Errors
    /// [`Invalid`] when the scheme is neither http nor https, there are credentials in it, or a character that Hasura's stricter
    /// parser refuses. No message repeats the address.
    pub fn new(url: Url) -> Result<Self, Invalid> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Invalid::JwkUrlScheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::JwkUrlCredentials);
        }
        if !is_absolute_uri(url.as_str()) {
            return Err(Invalid::JwkUrlNotUri);
        }
        Ok(Self(url))
    }

    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        if !is_absolute_uri(text) {
            return Err(Invalid::JwkUrlNotUri);
        }
        Self::new(Url::parse(text).map_err(|_| Invalid::JwkUrlNotUri)?)
    }

    /// The address, normalised as the URL standard says.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A key of the types that Hasura can parse. Its text never shows in `Debug`.
#[derive(Clone, Debug)]
pub struct Key {
    key_type: KeyType,
    text: SecretString,
}

/// The values of `type`. It picks how the key is parsed; which algorithm verifies is the token's choice among those that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names are those of RFC 7518, and Ed25519 as Hasura writes it.
pub enum KeyType {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
    Es512,
    Ed25519,
}

impl KeyType {
    /// All types, for messages and tests.
    pub const ALL: [Self; 10] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ed25519,
    ];

    /// The type as it stands in the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ed25519 => "Ed25519",
        }
    }

    pub(super) fn parse(name: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|key_type| key_type.name() == name)
            .ok_or_else(|| Invalid::TypeUnsupported(name.to_owned()))
    }

    /// The least number of bytes of a shared secret; nothing for the types whose key is PEM.
    fn shared_secret_bytes(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }
}

impl Key {
    /// A key from its text: the secret itself for HS types, PEM for the others.
    ///
    /// Of a PEM the frame is checked (label, base64, a DER sequence), not whether the key in it suits the type.
    ///
    /// # Errors
    /// [`Invalid::KeyTooShort`] or [`Invalid::KeyNotPem`].
    pub fn new(key_type: KeyType, text: String) -> Result<Self, Invalid> {
        match key_type.shared_secret_bytes() {
            Some(needed) if text.len() < needed => {
                return Err(Invalid::KeyTooShort {
                    key_type: key_type.name(),
                    needed,
                });
            }
            Some(_) => {}
            None => check_pem(&text).map_err(Invalid::KeyNotPem)?,
        }
        Ok(Self {
            key_type,
            text: text.into(),
        })
    }

    /// The type that the JSON states.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    pub(super) fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.key_type == other.key_type && self.expose() == other.expose()
    }
}

impl Eq for Key {}

/// Hasura reads the first PEM block: a public key (SPKI or PKCS#1) or an X.509 certificate.
fn check_pem(text: &str) -> Result<(), &'static str> {
    let (_, block) = text
        .split_once("-----BEGIN ")
        .ok_or("it has no PEM block")?;
    let (label, body) = block
        .split_once("-----")
        .ok_or("its PEM block has no label")?;
    if !["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"].contains(&label) {
        return Err("its first PEM block is neither a public key nor a certificate");
    }
    let (body, _) = body
        .split_once(&format!("-----END {label}-----"))
        .ok_or("its PEM block has no end")?;
    let base64: String = body.split_ascii_whitespace().collect();
    let der = STANDARD
        .decode(base64)
        .map_err(|_| "its PEM block is not base64")?;
    const SEQUENCE: u8 = 0x30;
    match der.first() {
        Some(&SEQUENCE) => Ok(()),
        _ => Err("its PEM block does not hold DER"),
    }
}
