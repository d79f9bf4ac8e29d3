//! Keys that sign tokens as Logto does.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
};
use serde_json::{Value, json};

/// The public key of [`RSA_TOKEN`].
pub const RSA_KEY: &str = concat!(
    r#"{"keys":[{"kty":"RSA","use":"sig","kid":"r","e":"AQAB","n":""#,
    "uhvWaNZ0Tv7yEOP1zXITnwkEuaoG14OelRbguNKpH9RMmL65RLsuAUavgK3_wp9Hld9gx5z8aL5-eLItwVApIr-Tiio47vmUuJhNi7FRvHNtv-8tkK5gV5d4ztHCWacgnTX5sOrtn4OrYcz0-31YPKeKu5zhvd6ukQxdssLB7PolXi8FV3cUjC_fXDkg0FFvoBMwCuesGVzPvJ90FI8xABZ1I851MXRN721WTmaaPxm4rAnJ_SnmS0EfFRWeqCbM9NvUEgrxDDgsmtQN2PGw8b-y_DInxM9sVyakPOgOxxCW_DGiGFef-q_A34pMhPUYD20nQF4dtAMkYbFbCvv1dw",
    r#""}]}"#
);

/// A token that says `{"iss":"https://id.example.com/oidc"}`, signed once with a key that is gone.
pub const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tL29pZGMifQ.axEovr09_-1bYOZJxprYiSN7Jo1LE4PXkz8P578J584vPy3F5w0un5WqAEAWRM26Z3qWOHCb1ZeMCQZvS8OEzMiu3ozkKqWRXorjFbwnflBNqhU_d8aE78jr8mOwNs-fWHhgfPHVqdjhyNJrAJMxpEFzo74M_1SeRd9YgOZjYysddn1JkeOL-STM9vh1wPLF-0oTkl2jmY35b725OHznR5LqCMNnFn0YO3WOsoketNJBGYhJ-eeLrgcCMcYSUQqBkniL-i9edNBgVYVcDhMGz_8QW2cBOlWkLpHg4p794b2B5zALh92lR19uWR8_RMURlDfEawz2ndz4BcMdzP5eCQ";

pub struct Signer {
    pair: EcdsaKeyPair,
    algorithm: &'static str,
    curve: &'static str,
    pub kid: &'static str,
}

impl Signer {
    /// A new key of the kind that Logto makes.
    pub fn new(kid: &'static str) -> Self {
        Self::with("ES384", kid)
    }

    pub fn with(algorithm: &'static str, kid: &'static str) -> Self {
        let (signing, curve) = match algorithm {
            "ES256" => (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            _ => (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
        };
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
        Self {
            pair: EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &random).unwrap(),
            algorithm,
            curve,
            kid,
        }
    }

    pub fn public(&self) -> Value {
        let point = &self.pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let [x, y] = [x, y].map(|number| URL_SAFE_NO_PAD.encode(number));
        json!({"kty": "EC", "use": "sig", "kid": self.kid, "alg": self.algorithm, "crv": self.curve, "x": x, "y": y})
    }

    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": self.algorithm, "kid": self.kid}), claims)
    }

    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = format!("{header}.{claims}");
        let signature = self
            .pair
            .sign(&SystemRandom::new(), input.as_bytes())
            .unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
