//! Key sets, to be compared.

use std::collections::BTreeSet;

use serde::Deserialize;

/// The public keys of a key set; two are equal when they hold the same keys, in whatever order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks(BTreeSet<Key>);

/// What identifies a key, and what verifies with it: curve and coordinates (EC, OKP), modulus and exponent (RSA).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

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
}
