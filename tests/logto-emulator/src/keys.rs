//! The tenant's signing keys: EC P-384, so tokens are ES384.

use std::collections::VecDeque;

use anyhow::{Context, anyhow};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    error::Unspecified,
    rand::SystemRandom,
    signature::{
        ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        UnparsedPublicKey,
    },
};
use serde_json::{Value, json};

/// The only algorithm of tokens signed here.
pub(crate) const ALGORITHM: &str = "ES384";

/// So many tokens are remembered as verified.
const REMEMBERED: usize = 8;

/// The key that signs, the one before it, and the one that is to come.
pub(crate) struct KeyRing {
    current: Key,
    next: Option<Key>,
    previous: Option<Key>,
    random: SystemRandom,
    /// Tokens with a good signature, the newest last.
    verified: VecDeque<String>,
}

/// One key pair.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    kid: String,
    x: String,
    y: String,
}

impl KeyRing {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        Ok(Self {
            current: Key::new(&random)?,
            next: None,
            previous: None,
            random,
            verified: VecDeque::new(),
        })
    }

    /// Signs with a new key from now on. The old one stays in the key set until the next rotation.
    pub(crate) fn rotate(&mut self) -> anyhow::Result<()> {
        self.stage()?;
        self.activate()
    }

    /// Publishes a new key that does not sign yet; one that was staged before is forgotten.
    pub(crate) fn stage(&mut self) -> anyhow::Result<()> {
        self.next = Some(Key::new(&self.random)?);
        self.verified.clear();
        Ok(())
    }

    /// Signs with the staged key from now on.
    pub(crate) fn activate(&mut self) -> anyhow::Result<()> {
        let next = self.next.take().context("no signing key is staged")?;
        self.previous = Some(std::mem::replace(&mut self.current, next));
        self.verified.clear();
        Ok(())
    }

    /// An access token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, Unspecified> {
        let header = json!({"alg": ALGORITHM, "typ": "at+jwt", "kid": self.current.kid});
        let input = format!("{}.{}", base64url(&header), base64url(claims));
        let signature = self.current.pair.sign(&self.random, input.as_bytes())?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Whether this very token has been verified before: a verification takes 0.8 ms of a core, much more than the
    /// rest of a request, and would weigh on what is measured beside the emulator.
    pub(crate) fn has_verified(&self, token: &str) -> bool {
        self.verified.iter().any(|known| known == token)
    }

    /// Remembers a token as verified until the keys change.
    pub(crate) fn remember(&mut self, token: &str) {
        if self.verified.len() == REMEMBERED {
            self.verified.pop_front();
        }
        self.verified.push_back(token.to_owned());
    }

    /// The published key of that id; without one, the current key.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        let Some(kid) = kid else {
            return Some(&self.current);
        };
        self.all().find(|key| key.kid == kid)
    }

    /// The key set as it is published.
    pub(crate) fn published(&self) -> Value {
        json!({"keys": self.all().map(Key::published).collect::<Vec<_>>()})
    }

    /// Every key, in the order of their publication.
    fn all(&self) -> impl Iterator<Item = &Key> {
        let current = std::iter::once(&self.current);
        current.chain(&self.next).chain(&self.previous)
    }
}

impl Key {
    fn new(random: &SystemRandom) -> anyhow::Result<Self> {
        let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, random)
            .map_err(|_| anyhow!("no signing key could be made"))?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), random)
            .map_err(|reason| anyhow!("the new signing key can not be read: {reason}"))?;
        // An uncompressed point: the byte 4, then x and y of 48 bytes each.
        let point = pair
            .public_key()
            .as_ref()
            .get(1..)
            .context("the public key is empty")?;
        let (x, y) = point.split_at(point.len() / 2);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Ok(Self {
            kid: thumbprint(&x, &y),
            pair,
            x,
            y,
        })
    }

    /// Whether the key made this signature.
    pub(crate) fn verifies(&self, input: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, self.pair.public_key().as_ref())
            .verify(input.as_bytes(), signature)
            .is_ok()
    }

    fn published(&self) -> Value {
        json!({
            "kty": "EC", "use": "sig", "kid": self.kid, "alg": ALGORITHM, "crv": "P-384", "x": self.x, "y": self.y,
        })
    }
}

// RFC 7638: the required members alone, sorted by name, without white space.
fn thumbprint(x: &str, y: &str) -> String {
    let members = format!(r#"{{"crv":"P-384","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes()))
}

fn base64url(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
