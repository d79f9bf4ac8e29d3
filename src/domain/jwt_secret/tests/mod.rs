//! What a user gets from the JWT secret, rule by rule.

mod build;
mod properties;
mod read;

/// A P-384 public key, as `openssl ec -pubout` writes it.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEmGaD1UdVZFGP94vwUcjW9wynMTrNozev
Pq0M9c6eals7XXL6JbTW5tl+KE51f84W/Ppu9sdOyMWI2rZ83PG8sMu1ZKP0HJv9
Bq4QRasHXOC6RCXoTnZdrHu2BzGCb+O5
-----END PUBLIC KEY-----
";
