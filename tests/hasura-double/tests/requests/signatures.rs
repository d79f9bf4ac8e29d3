//! Which signatures count.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::bed::{SECRET, bearer, claims, not_verified, start, with_key, with_keys};
use crate::signer::{Signer, ed25519, es256, es384, es512, hmac, part, rsa, rsa_pem};

#[tokio::test]
async fn tokens_of_every_algorithm_are_taken_from_one_key_set() {
    let secret = [7; 64];
    let mut signers = vec![es256(), es384(), es512(), ed25519(), rsa("RS256")];
    signers.extend(["HS256", "HS384", "HS512"].map(|algorithm| hmac(algorithm, &secret)));
    let keys: Vec<_> = signers.iter().collect();
    let (hasura, _keys) = with_keys(&keys, json!({}), &[]).await;
    // The algorithm of an RSA signature is the token's to say.
    signers.extend([rsa("RS512"), rsa("PS384")]);
    for signer in &signers {
        let session = hasura.session_of(&signer.token(&claims(json!({})))).await;
        let expected = json!({"x-hasura-role": "user", "x-hasura-user-id": "u1"});
        assert_eq!(session, expected, "{}", signer.algorithm);
    }
}

#[tokio::test]
async fn neither_the_key_id_nor_the_type_nor_the_use_of_a_key_matters() {
    let mut signer = es384();
    for (name, value) in [("kid", "another"), ("alg", "RS256"), ("use", "enc")] {
        signer.jwk[name] = json!(value);
    }
    let (hasura, _keys) = with_keys(&[&es384(), &signer], json!({}), &[]).await;
    let header = json!({"alg": "ES384", "typ": "poem", "kid": "k", "unknown": true});
    let token = signer.token_with_header(&header, &claims(json!({})));
    assert_eq!(hasura.session_of(&token).await["x-hasura-role"], "user");
}

#[tokio::test]
async fn a_signature_of_another_key_or_over_other_claims_is_refused() {
    let signer = es384();
    let hasura = with_key(&signer, json!({})).await;
    let foreign = es384().token(&claims(json!({})));
    let invalid = not_verified("JWSError JWSInvalidSignature");
    assert_eq!(hasura.refusal_of(&foreign).await, invalid);

    let token = signer.token(&claims(json!({})));
    let parts: Vec<_> = token.split('.').collect();
    let changed = format!(
        "{}.{}.{}",
        parts[0],
        part(&claims(json!({"sub": "x"}))),
        parts[2]
    );
    assert_eq!(hasura.refusal_of(&changed).await, invalid);
}

#[tokio::test]
async fn an_algorithm_that_does_not_fit_the_key_is_refused() {
    let signer = rsa("RS256");
    let pem = rsa_pem();
    let hasura = with_key(&signer, json!({})).await;
    let invalid = not_verified("JWSError JWSInvalidSignature");
    let modulus = URL_SAFE_NO_PAD
        .decode(signer.jwk["n"].as_str().unwrap())
        .unwrap();
    // The classic confusion: the public key taken for a shared secret.
    for secret in [pem.as_bytes(), &modulus] {
        let token = hmac("HS256", secret).token(&claims(json!({})));
        assert_eq!(hasura.refusal_of(&token).await, invalid);
    }
    let header = json!({"alg": "ES384"});
    let token = signer.token_with_header(&header, &claims(json!({})));
    assert_eq!(hasura.refusal_of(&token).await, invalid);
}

#[tokio::test]
async fn a_token_without_a_signature_is_never_taken() {
    let signer = es384();
    let hasura = with_key(&signer, json!({})).await;
    let unsigned = format!(
        "{}.{}.",
        part(&json!({"alg": "none"})),
        part(&claims(json!({})))
    );
    let none = not_verified("JWSError JWSNoSignatures");
    assert_eq!(hasura.refusal_of(&unsigned).await, none);
    // What jose reads but does not accept looks like no signature to it as well.
    let header = json!({"alg": "ES256K"});
    let token = signer.token_with_header(&header, &claims(json!({})));
    assert_eq!(hasura.refusal_of(&token).await, none);
}

#[tokio::test]
async fn what_is_no_token_is_told_by_where_it_ends() {
    let signer = es384();
    let hasura = with_key(&signer, json!({})).await;
    // Logto's access token for no resource.
    assert_eq!(
        hasura
            .refusal_of("zT8BYhUcFjRS0nDJzqDKHlWx1WJbY8ihL6d9rjOTpqD")
            .await,
        not_verified(
            "JWSError (CompactDecodeError Invalid number of parts: Expected 3 parts; got 1)"
        )
    );
    let with_payload = |payload: &Value| signer.token(payload);
    let with_header = |header: Value| signer.token_with_header(&header, &claims(json!({})));
    let vectors = [
        ("!.e30.AA".to_owned(), "JWSError (JSONDecodeError \""),
        (with_header(json!([])), "JWSError (JSONDecodeError \""),
        (
            with_header(json!({"alg": "XX"})),
            "JWSError (JSONDecodeError \"",
        ),
        (
            with_header(json!({"alg": "ES384", "crit": ["x"], "x": 1})),
            "JWSError (JSONDecodeError \"",
        ),
        (with_payload(&json!("text")), "JWTClaimsSetDecodeError \""),
        (
            with_payload(&claims(json!({"sub": "a: b"}))),
            "JWTClaimsSetDecodeError \"",
        ),
        (
            with_payload(&claims(json!({"exp": "soon"}))),
            "JWTClaimsSetDecodeError \"",
        ),
    ];
    for (token, expected) in vectors {
        let (status, code, message) = hasura.refusal_of(&token).await;
        assert_eq!((status, code.as_str()), (400, "invalid-jwt"));
        let expected = format!("Could not verify JWT: {expected}");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[tokio::test]
async fn a_key_in_the_settings_verifies_tokens_too() {
    let takes = async |signer: &Signer, secret: Value| {
        let secret = secret.to_string();
        let hasura = start(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)]).await;
        let token = signer.token(&claims(json!({})));
        assert_eq!(
            hasura.role(&[("authorization", &bearer(&token))]).await,
            "user"
        );
    };
    takes(&rsa("RS512"), json!({"type": "RS256", "key": rsa_pem()})).await;
    let text = "x".repeat(48);
    let secret = json!({"type": "HS256", "key": text});
    takes(&hmac("HS384", text.as_bytes()), secret).await;
}

#[tokio::test]
async fn a_shared_secret_that_is_shorter_than_the_digest_verifies_nothing() {
    let text = "x".repeat(32);
    let secret = json!({"type": "HS256", "key": text}).to_string();
    let hasura = start(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)]).await;
    let token = hmac("HS512", text.as_bytes()).token(&claims(json!({})));
    let invalid = not_verified("JWSError JWSInvalidSignature");
    assert_eq!(hasura.refusal_of(&token).await, invalid);
}
