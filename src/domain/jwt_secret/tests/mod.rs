//! What a user gets from the JWT secret, rule by rule.

mod build;
mod properties;
mod read;
mod read_claims;

use super::{Invalid, JwtSecret};

/// A P-384 public key, as `openssl ec -pubout` writes it.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEmGaD1UdVZFGP94vwUcjW9wynMTrNozev
Pq0M9c6eals7XXL6JbTW5tl+KE51f84W/Ppu9sdOyMWI2rZ83PG8sMu1ZKP0HJv9
Bq4QRasHXOC6RCXoTnZdrHu2BzGCb+O5
-----END PUBLIC KEY-----
";

const URL: &str = r#""jwk_url":"https://auth.example.com/oidc/jwks""#;

/// An object of the address of keys and these fields.
fn with(fields: &str) -> String {
    format!("{{{URL},{fields}}}")
}

fn error(text: &str) -> Invalid {
    JwtSecret::parse(text).expect_err(text)
}

fn wrong_type(field: &'static str, expected: &'static str, found: &'static str) -> Invalid {
    Invalid::WrongType {
        field,
        expected,
        found,
    }
}
