//! Key sets: compared, told apart by one hash, described, and what they verify.

mod signature;

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Refresh;

/// A key set as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    /// Its keys.
    pub keys: Jwks,
    /// When a running Hasura would read it again.
    pub refresh: Refresh,
}

/// The public keys of a key set; two are equal when they hold the same keys, in whatever order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks(BTreeSet<Key>);

/// What identifies a key, and what verifies with it: curve and coordinates (EC, OKP), modulus and exponent (RSA).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Key {
    kid: Option<String>,
    alg: Option<String>,
    #[serde(flatten)]
    material: Material,
}

/// The members that RFC 7638 makes a thumbprint of, in its order; those of other key types are absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
struct Material {
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

/// Longest key id that is shown, in bytes.
const LONGEST_ID: usize = 128;
/// Longest name of an algorithm that is shown, in bytes.
const LONGEST_ALGORITHM: usize = 16;

impl Jwks {
    /// Reads a JSON Web Key Set (RFC 7517). Nothing comes back for other text, and for a set without any key: Hasura
    /// would not start with it, and two empty sets must not pass for equal.
    pub fn parse(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Set {
            keys: BTreeSet<Key>,
        }
        let set: Set = serde_json::from_slice(json).ok()?;
        (!set.keys.is_empty()).then_some(Self(set.keys))
    }

    /// Whether some key is in both sets, as while keys are rotated.
    pub fn shares_a_key(&self, other: &Self) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    /// A hash of what the keys verify with, as 32 hexadecimal digits. Ids and algorithms are left out: Hasura looks at
    /// neither, so a change of them is no ground to start it anew.
    ///
    /// Source: frasertweedale/hs-jose `src/Crypto/JOSE/JWK/Store.hs`, where every key of the set is tried.
    pub fn fingerprint(&self) -> String {
        let thumbprints: BTreeSet<_> = self.0.iter().map(|key| key.material.thumbprint()).collect();
        let mut hash = Sha256::new();
        for thumbprint in thumbprints {
            hash.update(thumbprint);
            hash.update([0]);
        }
        let digest = hash.finalize();
        digest[..16].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Id and algorithm of each key, in the order of ids. A key without a presentable id is named by its thumbprint.
    pub fn ids_and_algorithms(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = self.0.iter().map(|k| (k.id(), k.algorithm())).collect();
        all.sort();
        all
    }
}

impl Key {
    fn id(&self) -> String {
        let id = self.kid.as_deref();
        let shown = id.filter(|id| is_word(id, LONGEST_ID));
        shown.map_or_else(|| self.material.thumbprint(), str::to_owned)
    }

    /// What the key says, else what Hasura would verify with it.
    fn algorithm(&self) -> String {
        let stated = self.alg.as_deref();
        let stated = stated.filter(|alg| is_word(alg, LONGEST_ALGORITHM));
        let by_material = match (self.material.kty.as_str(), self.material.crv.as_deref()) {
            ("RSA", _) => "RS256",
            ("EC", Some("P-256")) => "ES256",
            ("EC", Some("P-384")) => "ES384",
            ("EC", Some("P-521")) => "ES512",
            ("OKP", Some("Ed25519")) => "EdDSA",
            _ => "unknown",
        };
        stated.unwrap_or(by_material).to_owned()
    }
}

impl Material {
    /// The thumbprint of RFC 7638 with SHA-256, which Logto uses as the key's id.
    fn thumbprint(&self) -> String {
        // The fields stand in the order that the RFC asks for, and text can always be written as JSON.
        let json = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(Sha256::digest(json))
    }
}

/// Text of a remote that can be shown as it is.
fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC: &str =
        r#"{"kty":"EC","use":"sig","kid":"a","alg":"ES384","crv":"P-384","x":"8Tsh","y":"LfNw"}"#;
    const RSA: &str = r#"{"kty":"RSA","use":"sig","kid":"b","n":"0vx7","e":"AQAB"}"#;

    fn set(keys: &[&str]) -> Option<Jwks> {
        Jwks::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn the_same_keys_are_equal_in_any_order_and_with_other_fields() {
        let other_fields = EC.replace(r#""use":"sig""#, r#""use":"sig","x5t":"0""#);
        assert_eq!(
            set(&[EC, RSA]).unwrap(),
            set(&[RSA, &other_fields]).unwrap()
        );
    }

    #[test]
    fn another_key_material_id_curve_or_number_of_keys_is_different() {
        let ours = set(&[EC, RSA]).unwrap();
        for (from, to) in [
            ("8Tsh", "8Tsi"),
            ("LfNw", "LfNx"),
            ("P-384", "P-256"),
            (r#""kid":"a""#, r#""kid":"c""#),
        ] {
            assert_ne!(set(&[&EC.replace(from, to), RSA]).unwrap(), ours, "{to}");
        }
        for (from, to) in [("0vx7", "0vx8"), ("AQAB", "AQAC")] {
            assert_ne!(set(&[EC, &RSA.replace(from, to)]).unwrap(), ours, "{to}");
        }
        assert_ne!(set(&[EC]).unwrap(), ours);
    }

    #[test]
    fn no_keys_and_no_key_set_are_refused() {
        assert_eq!(set(&[]), None);
        for text in [
            "",
            "<html>",
            "{}",
            r#"{"keys":{}}"#,
            r#"{"keys":[{"kid":"a"}]}"#,
        ] {
            assert_eq!(Jwks::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        // RFC 7638, section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","alg":"RS256"}}"#);
        let named = set(&[&key]).unwrap().ids_and_algorithms();
        let id = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(named, [(id.to_owned(), "RS256".to_owned())]);
    }

    #[test]
    fn the_fingerprint_changes_with_the_keys_and_with_nothing_else() {
        let ours = set(&[EC, RSA]).unwrap().fingerprint();
        assert_eq!(ours.len(), 32);
        let renamed = EC.replace(r#""kid":"a""#, r#""kid":"c""#);
        let restated = EC.replace("ES384", "ES256");
        for same in [renamed, restated] {
            assert_eq!(set(&[RSA, &same]).unwrap().fingerprint(), ours, "{same}");
        }
        for other in [
            set(&[EC]),
            set(&[RSA]),
            set(&[&EC.replace("LfNw", "LfNx"), RSA]),
        ] {
            assert_ne!(other.unwrap().fingerprint(), ours);
        }
    }

    #[test]
    fn the_algorithm_is_the_stated_one_or_that_of_the_curve() {
        let of = |key: &str| set(&[key]).unwrap().ids_and_algorithms().remove(0).1;
        let ec = |curve: &str| {
            of(&format!(
                r#"{{"kty":"EC","crv":"{curve}","x":"a","y":"b"}}"#
            ))
        };
        assert_eq!(ec("P-256"), "ES256");
        assert_eq!(ec("P-384"), "ES384");
        assert_eq!(ec("P-521"), "ES512");
        assert_eq!(ec("secp256k1"), "unknown");
        assert_eq!(of(RSA), "RS256");
        assert_eq!(of(r#"{"kty":"OKP","crv":"Ed25519","x":"a"}"#), "EdDSA");
        assert_eq!(
            of(r#"{"kty":"RSA","alg":"RS512","n":"a","e":"b"}"#),
            "RS512"
        );
    }

    #[test]
    fn ids_are_in_order_and_an_id_that_can_not_be_shown_is_replaced() {
        let ids = |keys: &[&str]| -> Vec<String> {
            let named = set(keys).unwrap().ids_and_algorithms();
            named.into_iter().map(|(id, _)| id).collect()
        };
        assert_eq!(ids(&[RSA, EC]), ["a", "b"]);
        for id in ["", "two words", "line\\nbreak", &"x".repeat(129)] {
            let shown = ids(&[&RSA.replace(r#""kid":"b""#, &format!(r#""kid":"{id}""#))]);
            assert_eq!(shown[0].len(), 43, "{shown:?}");
        }
    }
}
