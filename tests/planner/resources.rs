//! An API resource has no mark: whatever a status says of it, nothing in it is changed and it is not deleted without a
//! proof or both consents.

use jiff::{Timestamp, ToSpan};
use logto_hasura::{
    api::{
        Origin,
        instance::{ApiResourceStatus, DeletionPolicy},
    },
    domain::{
        adoption::Permission,
        desired,
        ownership::Owner,
        plan::{Conflict, Step, Whose, plan_resource, takes_over},
        precedence::Key,
        provenance::{ProofKey, Subject},
        release::release_resource,
        standing::{Standing, origin, standing},
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{INDICATOR, mark, marks, marks_of, model::Model, owner, resource};

const NOW: i64 = 1_800_000_000;

/// Who made a scope in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Somebody,
    OtherOwner,
    /// The operator, for this binding or another one.
    Created,
    /// Somebody, and the operator took it over.
    Adopted,
}

/// What stands in a status as its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    None,
    /// The operator wrote the status.
    True,
    /// Bytes of somebody's choice.
    Forged,
    /// That of an instance of the same name before this one, or of one elsewhere.
    OfAnotherObject,
    OfAnotherNamespace,
    /// That of another installation on the same tenant.
    OfAnotherOwner,
    /// One of this very instance, but for other words.
    OfAnotherResource,
    OfAnotherOrigin,
    /// Written with the secret before.
    Stale,
}

/// A resource that is there, and a status of any origin.
#[derive(Clone, Debug)]
struct Case {
    scopes: Vec<Maker>,
    is_as_desired: bool,
    status: Option<ApiResourceStatus>,
    is_proved: bool,
    adoption: Permission,
    life: Option<i64>,
}

fn status() -> impl Strategy<Value = Option<ApiResourceStatus>> {
    let ids = select(vec![None, Some("resource1"), Some("resource2")]);
    let origins = select(vec![Origin::Creating, Origin::Created, Origin::Adopted]);
    let ages = option::of(select(vec![-5_i64, 0, 1, 599, 600, 601, 86_400]));
    let proofs = select(vec![
        Proof::None,
        Proof::True,
        Proof::True,
        Proof::True,
        Proof::Forged,
        Proof::OfAnotherObject,
        Proof::OfAnotherNamespace,
        Proof::OfAnotherOwner,
        Proof::OfAnotherResource,
        Proof::OfAnotherOrigin,
        Proof::Stale,
    ]);
    option::of(
        (ids, origins, ages, proofs).prop_map(|(id, origin, age, proof)| {
            let said = ApiResourceStatus {
                id: id.map(str::to_owned),
                origin,
                creating_since: age.map(|age| {
                    let since = Timestamp::from_second(NOW - age).unwrap();
                    serde_json::from_value(serde_json::json!(since.to_string())).unwrap()
                }),
                proof: None,
            };
            let proof = written(proof, &said);
            ApiResourceStatus { proof, ..said }
        }),
    )
}

fn proof_key(client_secret: &str) -> ProofKey {
    ProofKey::derive(
        &client_secret.into(),
        "default",
        "https://logto.example.com",
    )
}

/// Calls with the instance `shop` of this namespace, uid and owner.
fn with_subject<T>(
    (namespace, uid, owner): (&str, &str, &Owner),
    call: impl FnOnce(&Subject<'_>) -> T,
) -> T {
    let instance = Key {
        namespace: namespace.into(),
        name: "shop".into(),
    };
    call(&Subject {
        owner,
        uid,
        instance: &instance,
        indicator: INDICATOR,
    })
}

/// A proof that stands beside these words.
fn written(proof: Proof, said: &ApiResourceStatus) -> Option<String> {
    let (own, other) = (owner(), Owner::new("other").unwrap());
    let sign = |whose, said: ApiResourceStatus| {
        with_subject(whose, |subject| proof_key("now").prove(subject, said).proof)
    };
    let usual = ("shop", "u1", &own);
    match proof {
        Proof::None => None,
        Proof::True => sign(usual, said.clone()),
        Proof::Forged => Some("A".repeat(43)),
        Proof::OfAnotherObject => sign(("shop", "u0", &own), said.clone()),
        Proof::OfAnotherNamespace => sign(("other", "u1", &own), said.clone()),
        Proof::OfAnotherOwner => sign(("shop", "u1", &other), said.clone()),
        Proof::OfAnotherResource => sign(
            usual,
            ApiResourceStatus {
                id: Some("resource0".into()),
                ..said.clone()
            },
        ),
        Proof::OfAnotherOrigin => sign(
            usual,
            ApiResourceStatus {
                origin: match said.origin {
                    Origin::Created => Origin::Adopted,
                    Origin::Adopted | Origin::Creating => Origin::Created,
                },
                ..said.clone()
            },
        ),
        Proof::Stale => with_subject(usual, |subject| {
            proof_key("before").prove(subject, said.clone()).proof
        }),
    }
}

fn case() -> impl Strategy<Value = Case> {
    let makers = select(vec![
        Maker::Somebody,
        Maker::OtherOwner,
        Maker::Created,
        Maker::Adopted,
    ]);
    let adoption = select(vec![
        Permission::Given,
        Permission::NotAsked,
        Permission::NotListed,
    ]);
    let life = option::of(Just(3600));
    (
        vec(makers, 0..3),
        any::<bool>(),
        status(),
        any::<bool>(),
        adoption,
        life,
    )
        .prop_map(
            |(scopes, is_as_desired, status, is_proved, adoption, life)| Case {
                scopes,
                is_as_desired,
                status,
                is_proved,
                adoption,
                life,
            },
        )
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn tenant(case: &Case) -> Model {
    let mut model = Model::default();
    model.console_resource(INDICATOR);
    if case.is_as_desired {
        let found = model.observed.resources.get_mut(INDICATOR).unwrap();
        let desired::Resource { name, .. } = resource();
        found.name = name;
        found.access_token_ttl = 3600;
    }
    for (n, maker) in case.scopes.iter().enumerate() {
        let description = match maker {
            Maker::Somebody => String::new(),
            Maker::OtherOwner => marks_of(&Owner::new("other").unwrap(), "a", "a")
                .created
                .put(""),
            Maker::Created => mark(n).put(""),
            Maker::Adopted => marks(n).adopted.put(""),
        };
        model.console_scope(INDICATOR, &format!("scope-{n}"), &description);
    }
    model
}

impl Case {
    fn desired(&self) -> desired::Resource {
        desired::Resource {
            access_token_ttl: self.life,
            ..resource()
        }
    }

    /// Calls with the key and the instance that the status is looked at with.
    fn looking<T>(&self, call: impl FnOnce(&ProofKey, &Subject<'_>) -> T) -> T {
        let own = owner();
        with_subject(("shop", "u1", &own), |subject| {
            call(&proof_key("now"), subject)
        })
    }

    /// What of the status is believed.
    fn believed(&self) -> Option<&ApiResourceStatus> {
        let status = self.status.as_ref();
        self.looking(|key, subject| key.believed(subject, status))
    }

    /// Whether the operator wrote what the status says of this resource.
    fn has_true_proof(&self) -> bool {
        let status = self.status.as_ref();
        status.is_some_and(|said| {
            said.id.as_deref() == Some("resource1")
                && said.proof.is_some()
                && said.proof == written(Proof::True, said)
        })
    }

    /// Where the resource comes from as far as this process saw it, or the status proves it.
    fn proved(&self) -> Option<Origin> {
        let status = self.status.as_ref();
        let by_status = || self.looking(|key, subject| key.origin(subject, status, "resource1"));
        self.is_proved.then_some(Origin::Created).or_else(by_status)
    }

    fn standing(&self) -> Standing {
        let is_proved = self.proved().is_some();
        standing(self.believed(), "resource1", is_proved, now())
    }

    fn plan(&self, model: &Model) -> Result<Vec<Step>, Conflict> {
        let found = model.observed.resources.get(INDICATOR);
        plan_resource(
            &self.desired(),
            found,
            self.standing(),
            &owner(),
            self.adoption,
        )
    }

    fn has(&self, maker: Maker) -> bool {
        self.scopes.contains(&maker)
    }

    fn bears_our_mark(&self) -> bool {
        self.has(Maker::Created) || self.has(Maker::Adopted)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn no_status_lets_a_resource_be_changed_without_a_proof_or_both_consents(case in case()) {
        let model = tenant(&case);
        let consented = case.adoption == Permission::Given;
        let plan = case.plan(&model);
        if !plan.clone().unwrap_or_default().is_empty() {
            let is_proved = case.is_proved || case.has_true_proof();
            prop_assert!(case.bears_our_mark() || is_proved || consented);
        }
        if case.has(Maker::OtherOwner) && !case.bears_our_mark() {
            let refused = matches!(plan, Err(Conflict::Resource { whose: Whose::OtherOwner, .. }));
            prop_assert!(refused, "another installation's");
        }
    }

    #[test]
    fn a_restart_finds_a_resource_that_is_as_the_spec_says_without_a_write(case in case()) {
        let remembered = ApiResourceStatus { id: Some("resource1".into()), origin: Origin::Created, creating_since: None, proof: None };
        let case = Case { status: Some(remembered), is_as_desired: true, is_proved: false, ..case };
        if case.bears_our_mark() || !case.has(Maker::OtherOwner) {
            prop_assert_eq!(case.plan(&tenant(&case)), Ok(vec![]));
        }
    }

    #[test]
    fn what_is_taken_over_counts_as_taken_over_whatever_the_status_says(case in case()) {
        let model = tenant(&case);
        let found = &model.observed.resources[INDICATOR];
        let took_over = takes_over(&case.desired(), found, case.standing(), &owner());
        if case.plan(&model).is_err() {
            prop_assert!(took_over);
            return Ok(());
        }
        let noted = origin(case.believed(), "resource1", case.proved(), took_over, now());
        if took_over {
            prop_assert_eq!(noted, Origin::Adopted);
        }
        // An intent explains a resource for ten minutes, and only one that is as it would have been made.
        let status = case.status.as_ref();
        let is_other = status.is_some_and(|status| status.id.as_deref() != Some("resource1"));
        if is_other && !case.is_proved && noted == Origin::Created {
            let status = status.unwrap();
            prop_assert_eq!(&status.proof, &written(Proof::True, status), "an intent that somebody wrote");
            let age = now() - status.creating_since.as_ref().unwrap().0;
            prop_assert_eq!(status.origin, Origin::Creating);
            prop_assert!(age.compare(600.seconds()).unwrap().is_le());
            prop_assert!(case.is_as_desired || case.bears_our_mark());
        }
    }

    #[test]
    fn a_resource_goes_only_where_it_was_made_and_all_scopes_in_it_were(case in case(), deletes in any::<bool>()) {
        let model = tenant(&case);
        let policy = if deletes { DeletionPolicy::Delete } else { DeletionPolicy::Retain };
        let found = &model.observed.resources[INDICATOR];
        let said = case.status.as_ref().filter(|status| status.id.as_deref() == Some("resource1"));
        let said = said.map(|status| status.origin);
        let proved = case.proved();
        let origin = proved.or(said);
        let goes = release_resource(INDICATOR, found, policy, origin, proved.is_some(), &owner()).is_ok();
        let only_made = case.scopes.iter().all(|maker| *maker == Maker::Created);
        let is_proved = case.has_true_proof() || case.has(Maker::Created);
        let was_made = case.is_proved || (said == Some(Origin::Created) && is_proved);
        prop_assert_eq!(goes, deletes && was_made && only_made);
    }

    #[test]
    fn a_proof_counts_only_where_the_operator_wrote_it(case in case()) {
        let by_status = case.looking(|key, subject| key.origin(subject, case.status.as_ref(), "resource1"));
        prop_assert_eq!(by_status.is_some(), case.has_true_proof());
        let intent = case.status.as_ref().filter(|said| said.origin == Origin::Creating);
        let is_true = intent.is_some_and(|said| said.proof.is_some() && said.proof == written(Proof::True, said));
        let is_believed = case.believed().is_some_and(|said| said.origin == Origin::Creating);
        prop_assert_eq!(is_believed, is_true);
    }
}

#[test]
fn a_resource_of_somebody_else_is_a_conflict_until_it_holds_our_mark() {
    let mut model = Model::default();
    model.console_resource(INDICATOR);
    let plan = |model: &Model, standing| {
        let found = model.observed.resources.get(INDICATOR);
        plan_resource(&resource(), found, standing, &owner(), Permission::NotAsked)
    };
    let said = |model: &Model, standing| plan(model, standing).unwrap_err().to_string();
    for standing in [Standing::Unknown, Standing::Creating] {
        let message = said(&model, standing);
        assert!(message.contains("made by somebody else"), "{message}");
    }
    let message = said(&model, Standing::Remembered);
    assert!(message.contains("nothing but the status"), "{message}");
    assert!(plan(&model, Standing::Known).is_ok());
    let others = marks_of(&Owner::new("other").unwrap(), "a", "a").created;
    model.console_scope(INDICATOR, "a", &others.put(""));
    for standing in [Standing::Unknown, Standing::Remembered, Standing::Known] {
        let message = said(&model, standing);
        assert!(message.contains("another installation"), "{message}");
    }
    model.console_scope(INDICATOR, "b", &mark(0).put(""));
    assert!(plan(&model, Standing::Unknown).is_ok());
}

#[test]
fn a_scope_that_was_taken_over_keeps_its_resource_and_the_reason_names_it() {
    let mut model = Model::default();
    model.console_scope(INDICATOR, "made", &mark(0).put(""));
    model.console_scope(INDICATOR, "read", &marks(1).adopted.put(""));
    let found = &model.observed.resources[INDICATOR];
    let (policy, made) = (DeletionPolicy::Delete, Some(Origin::Created));
    let stays = release_resource(INDICATOR, found, policy, made, true, &owner()).unwrap_err();
    let message = stays.to_string();
    assert!(
        message.contains("\"read\"") && !message.contains("\"made\""),
        "{message}"
    );
}

#[test]
fn a_life_of_tokens_that_the_spec_does_not_name_is_left_as_it_is() {
    let mut model = Model::default();
    let silent = desired::Resource {
        access_token_ttl: None,
        ..resource()
    };
    let plan = |model: &Model| {
        let found = model.observed.resources.get(INDICATOR);
        plan_resource(
            &silent,
            found,
            Standing::Unknown,
            &owner(),
            Permission::Given,
        )
        .unwrap()
    };
    let made = plan(&model);
    let an_hour = |step: &Step| {
        matches!(
            step,
            Step::CreateResource {
                access_token_ttl: 3600,
                ..
            }
        )
    };
    assert!(made.iter().all(an_hour), "{made:?}");
    model.console_resource(INDICATOR);
    let step = plan(&model).remove(0);
    assert!(
        matches!(
            step,
            Step::UpdateResource {
                access_token_ttl: None,
                ..
            }
        ),
        "{step:?}"
    );
}
