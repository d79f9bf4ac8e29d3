//! The proof, in an instance's status, of what the status says of its API resource.
//!
//! Scopes and roles bear a mark; a resource has no place for one. Whoever may write a status could write into it what he
//! likes, so what the operator writes there is sealed with a key that only it can have: one that is derived from the
//! client secret of the tenant.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{hkdf, hmac};
use secrecy::{ExposeSecret, SecretString};

use super::{ownership::Owner, precedence::Key};
use crate::api::{Origin, instance::ApiResourceStatus};

/// What keys are derived for, so that no other use of the secret can come to the same key.
const PURPOSE: &[u8] = b"logto-hasura.dev/api-resource-proof/v1";

/// Longest proof, in characters: 256 bits as base64url.
pub const MAX_PROOF: usize = 43;

/// The key of one tenant's proofs.
pub struct ProofKey(hmac::Key);

/// Whose API resource a proof speaks of. A proof that is copied to another object is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The installation.
    pub owner: &'a Owner,
    /// The instance's uid: one that is made again is another object.
    pub uid: &'a str,
    /// The instance's namespace and name.
    pub instance: &'a Key,
    /// The resource's indicator.
    pub indicator: &'a str,
}

impl ProofKey {
    /// Derives the key of a tenant: another secret, tenant or endpoint gives another one.
    pub fn derive(client_secret: &SecretString, tenant_id: &str, endpoint: &str) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, PURPOSE);
        let secret = salt.extract(client_secret.expose_secret().as_bytes());
        let tenant = framed(&[tenant_id, endpoint]);
        let key = secret
            .expand(&[&tenant], hmac::HMAC_SHA256)
            .map(hmac::Key::from);
        Self(key.expect("one digest is not too long to be derived"))
    }

    /// What a status says of a resource, with its proof.
    pub fn prove(&self, subject: &Subject<'_>, said: ApiResourceStatus) -> ApiResourceStatus {
        let tag = hmac::sign(&self.0, &statement(subject, &said));
        ApiResourceStatus {
            proof: Some(URL_SAFE_NO_PAD.encode(tag)),
            ..said
        }
    }

    /// Whether a status says what the operator wrote there, for this very object and with this key.
    pub fn is_proved(&self, subject: &Subject<'_>, said: &ApiResourceStatus) -> bool {
        let proof = said.proof.as_deref().unwrap_or_default();
        URL_SAFE_NO_PAD
            .decode(proof)
            .is_ok_and(|tag| hmac::verify(&self.0, &statement(subject, said), &tag).is_ok())
    }

    /// Where the resource with this id comes from, when the status proves it.
    pub fn origin(
        &self,
        subject: &Subject<'_>,
        said: Option<&ApiResourceStatus>,
        found: &str,
    ) -> Option<Origin> {
        let said = said.filter(|said| said.id.as_deref() == Some(found))?;
        self.is_proved(subject, said).then_some(said.origin)
    }

    /// What a status says as far as it is believed without looking at a resource: an id says where to look, but the intent
    /// to make a resource makes whatever is found there the instance's own, so it counts with its proof alone.
    pub fn believed<'a>(
        &self,
        subject: &Subject<'_>,
        said: Option<&'a ApiResourceStatus>,
    ) -> Option<&'a ApiResourceStatus> {
        said.filter(|said| said.origin != Origin::Creating || self.is_proved(subject, said))
    }
}

/// All that a proof covers: whose the resource is, and all else that the status says of it.
fn statement(subject: &Subject<'_>, said: &ApiResourceStatus) -> Vec<u8> {
    let since = said.creating_since.as_ref();
    let since = since.map(|since| since.0.as_second().to_string());
    framed(&[
        subject.owner.as_str(),
        subject.uid,
        &subject.instance.namespace,
        &subject.instance.name,
        subject.indicator,
        said.id.as_deref().unwrap_or_default(),
        &format!("{:?}", said.origin),
        since.as_deref().unwrap_or_default(),
    ])
}

/// The parts, each behind its length, so that no two lists of parts come to the same bytes.
fn framed(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str, tenant: &str, endpoint: &str) -> ProofKey {
        ProofKey::derive(&SecretString::from(secret), tenant, endpoint)
    }

    fn usual() -> ProofKey {
        key("hunter2", "default", "https://logto.example.com")
    }

    fn made(id: &str, origin: Origin) -> ApiResourceStatus {
        ApiResourceStatus {
            id: Some(id.into()),
            origin,
            creating_since: None,
            proof: None,
        }
    }

    fn making(since: i64) -> ApiResourceStatus {
        let since = jiff::Timestamp::from_second(since).unwrap();
        ApiResourceStatus {
            id: None,
            origin: Origin::Creating,
            creating_since: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(since)),
            proof: None,
        }
    }

    /// Calls with whose a resource is, all but one part the same as the first time.
    fn subjects(mut of: impl FnMut(&Subject<'_>)) {
        let (one, two) = (Owner::new("one").unwrap(), Owner::new("two").unwrap());
        let at = |namespace: &str, name: &str| Key {
            namespace: namespace.into(),
            name: name.into(),
        };
        let (shop, moved, renamed) = (at("shop", "shop"), at("other", "shop"), at("shop", "x"));
        let usual = Subject {
            owner: &one,
            uid: "u1",
            instance: &shop,
            indicator: "https://shop.example.com",
        };
        of(&usual);
        of(&Subject {
            owner: &two,
            ..usual
        });
        of(&Subject { uid: "u2", ..usual });
        of(&Subject {
            instance: &moved,
            ..usual
        });
        of(&Subject {
            instance: &renamed,
            ..usual
        });
        of(&Subject {
            indicator: "https://shop.example.com/",
            ..usual
        });
    }

    #[test]
    fn a_proof_counts_for_the_very_object_and_words_that_it_was_written_for() {
        let said = [
            made("r1", Origin::Created),
            made("r2", Origin::Created),
            made("r1", Origin::Adopted),
            making(1_800_000_000),
            making(1_800_000_001),
        ];
        let mut proofs = Vec::new();
        subjects(|subject| {
            for said in &said {
                let proved = usual().prove(subject, said.clone());
                assert!(usual().is_proved(subject, &proved));
                assert_eq!(proved, usual().prove(subject, proved.clone()), "no news");
                proofs.push(proved.proof.unwrap());
            }
        });
        assert!(proofs.iter().all(|proof| proof.len() == MAX_PROOF));
        let count = proofs.len();
        proofs.sort_unstable();
        proofs.dedup();
        assert_eq!(proofs.len(), count, "no two say the same");
        // Each of them copied to another place.
        subjects(|subject| {
            for said in &said {
                let proved = |proof: &&String| {
                    let proof = Some((*proof).clone());
                    usual().is_proved(
                        subject,
                        &ApiResourceStatus {
                            proof,
                            ..said.clone()
                        },
                    )
                };
                assert_eq!(proofs.iter().filter(proved).count(), 1);
            }
        });
    }

    #[test]
    fn a_proof_of_another_secret_tenant_or_endpoint_counts_as_nothing() {
        let others = [
            key("hunter3", "default", "https://logto.example.com"),
            key("hunter2", "other", "https://logto.example.com"),
            key("hunter2", "default", "https://other.example.com"),
            key("hunter2", "defaulthttps://logto", ".example.com"),
        ];
        subjects(|subject| {
            let proved = usual().prove(subject, made("r1", Origin::Created));
            for other in &others {
                assert!(!other.is_proved(subject, &proved));
            }
        });
    }

    #[test]
    fn what_is_no_proof_is_none_and_never_a_panic() {
        let proof = |proof: &str| ApiResourceStatus {
            proof: Some(proof.into()),
            ..made("r1", Origin::Created)
        };
        subjects(|subject| {
            assert!(!usual().is_proved(subject, &made("r1", Origin::Created)));
            let right = usual().prove(subject, made("r1", Origin::Created)).proof;
            let right = right.unwrap();
            for forged in [
                "",
                "ü",
                "=",
                &right[..42],
                &format!("{right}="),
                &format!(" {right}"),
                &"A".repeat(MAX_PROOF),
                &"A".repeat(100_000),
            ] {
                assert!(!usual().is_proved(subject, &proof(forged)), "{forged:.50}");
            }
        });
    }

    #[test]
    fn a_proof_is_the_same_in_every_version() {
        let mut first = None;
        subjects(|subject| {
            let said = usual().prove(subject, made("r1", Origin::Created));
            first = first.take().or(said.proof);
        });
        assert_eq!(
            first.as_deref(),
            Some("i9WGGDz_ZKTG2k_fdSgkBwQQzaUWz9w94Z5SFejYaxw")
        );
    }
}
