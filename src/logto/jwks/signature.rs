//! Whether a key of a set signed a token. Public keys can be copied by anybody; a signature can not be made with them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm,
    RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, de::DeserializeOwned};

use super::{Jwks, Material};

/// Keys of a set that are tried, since each takes time; Logto has three at most.
const MOST_TRIED: usize = 8;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What a verifier has to know (RFC 7515, section 4.1.11); Logto names nothing.
    crit: Option<Vec<String>>,
}

impl Jwks {
    /// What a token in compact form (RFC 7515) says, when one of these keys signed it by an algorithm of Logto's: ES256,
    /// ES384 or RS256.
    pub fn signed<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        let (input, signature) = token.rsplit_once('.')?;
        let (header, payload) = input.split_once('.')?;
        let header: Header = decoded(header)?;
        let signature = Zeroizing::new(URL_SAFE_NO_PAD.decode(signature).ok()?);
        let named = |kid: &Option<String>| header.kid.is_none() || *kid == header.kid;
        let mut tried = self.0.iter().filter(|key| named(&key.kid)).take(MOST_TRIED);
        let verifies = tried.any(|key| {
            let made = key.material.made(&header.alg, input.as_bytes(), &signature);
            made.is_some()
        });
        (verifies && header.crit.is_none()).then(|| decoded(payload))?
    }
}

impl Material {
    /// Something when this key made the signature.
    fn made(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Option<()> {
        let kind = (algorithm, self.kty.as_str(), self.crv.as_deref());
        match kind {
            ("ES256", "EC", Some("P-256")) => {
                self.made_on_curve(&ECDSA_P256_SHA256_FIXED, message, signature)
            }
            ("ES384", "EC", Some("P-384")) => {
                self.made_on_curve(&ECDSA_P384_SHA384_FIXED, message, signature)
            }
            ("RS256", "RSA", _) => {
                let (n, e) = (number(self.n.as_deref())?, number(self.e.as_deref())?);
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                    .ok()
            }
            _ => None,
        }
    }

    fn made_on_curve(
        &self,
        algorithm: &'static EcdsaVerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Option<()> {
        // An uncompressed point: the byte 4, then the coordinates, each in full length (RFC 7518, section 6.2.1.2).
        let mut point = vec![4];
        point.extend(number(self.x.as_deref())?);
        point.extend(number(self.y.as_deref())?);
        let key = UnparsedPublicKey::new(algorithm, point);
        key.verify(message, signature).ok()
    }
}

fn number(text: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

fn decoded<T: DeserializeOwned>(part: &str) -> Option<T> {
    let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(part).ok()?);
    serde_json::from_slice(&json).ok()
}
