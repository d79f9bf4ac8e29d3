//! The made-up tokens of the proof: a sound script passes them, and each way to break it is found.

use logto_hasura::domain::claims::{
    entry::Entry,
    plan::{MAX_BODY_BYTES, Stored},
    program::Kind,
    proof::{Example, examples},
    script::assemble,
};
use logto_hasura::domain::ownership::Owner;
use serde_json::{Value, json};

use crate::world::{AUD, NS, entry, in_both, pair};

fn proof(kind: Kind, entry: &Entry, script: String) -> Vec<Example> {
    let variables = [
        ("OTHER".to_owned(), "kept".to_owned()),
        ("LOGTO_HASURA_other_1".to_owned(), "dropped".to_owned()),
    ]
    .into();
    let deployed = Stored {
        script,
        variables,
        others: serde_json::Map::new(),
    };
    examples(kind, &Owner::new("us").unwrap(), entry, &deployed)
}

/// Logto's dry run, in both runners.
fn dry_run(example: &Example) -> Value {
    let request = &example.request;
    let payload = json!({"token": request["token"], "context": request["context"], "environmentVariables": request["environmentVariables"]});
    in_both(request["script"].as_str().unwrap(), &payload).unwrap()
}

fn entries() -> Vec<Entry> {
    let mut variables = entry();
    let paths = [
        "organization.id",
        "user.primaryEmail",
        "user.profile.address.country",
        "user.customData.a.b",
        "user.customData.a",
    ];
    variables.vars = paths
        .iter()
        .enumerate()
        .map(|(n, path)| pair(&format!("x-hasura-{n}"), path))
        .collect();
    let mut lists = entry();
    lists.lists = [
        pair("x-hasura-orgs", "user.customData.orgs"),
        pair("x-hasura-deep_1", "user.customData.a.b.c"),
    ]
    .into();
    let mut scoped = entry();
    scoped.source = logto_hasura::api::RoleSource::GrantedScopes;
    scoped.everyone.clear();
    let mut empty = entry();
    empty.roles.clear();
    vec![
        entry(),
        variables,
        lists,
        scoped,
        empty,
        Entry::new(AUD, NS, "m2m"),
    ]
}

#[test]
fn a_sound_script_passes_for_every_entry() {
    for kind in Kind::ALL {
        for wrapped in [
            None,
            Some("const getCustomJwtClaims = () => ({ theirs: 1 });"),
        ] {
            for entry in entries() {
                for example in proof(kind, &entry, assemble(kind, wrapped, None)) {
                    let answer = dry_run(&example);
                    assert!(
                        example.agrees(&answer),
                        "{}: {answer} of {:?}",
                        example.whose,
                        example.expected
                    );
                }
            }
        }
    }
}

#[test]
fn the_made_up_users_hold_all_and_nothing() {
    let granted = |kind| -> Vec<Option<Value>> {
        let examples = proof(kind, &entry(), assemble(kind, None, None));
        examples
            .into_iter()
            .map(|example| Some(example.expected?["x-hasura-allowed-roles"].clone()))
            .collect()
    };
    assert_eq!(
        granted(Kind::Users),
        [
            Some(json!(["editor", "reader", "user"])),
            Some(json!(["user"])),
            Some(json!(["editor"]))
        ]
    );
    assert_eq!(
        granted(Kind::Machines),
        [Some(json!(["editor", "reader"])), None]
    );
}

#[test]
fn a_broken_script_does_not_pass() {
    let mut data = entry();
    data.lists = [pair("x-hasura-orgs", "user.customData.orgs")].into();
    let broken = |kind, from: &str, to: &str| {
        let sound = assemble(kind, None, None);
        let script = sound.replace(from, to);
        assert_ne!(script, sound, "{from}");
        let passes = proof(kind, &data, script)
            .iter()
            .all(|example| example.agrees(&dry_run(example)));
        assert!(!passes, "{from}");
    };
    broken(Kind::Users, "'indicator') === aud", "'indicator') !== 5");
    broken(Kind::Users, "held[scope] !== true", "held[scope] === 5");
    broken(
        Kind::Users,
        "'isThirdParty') === false",
        "'isThirdParty') !== 5",
    );
    broken(
        Kind::Users,
        "if (found.claims !== undefined)",
        "if (found.claims === 5)",
    );
    broken(Kind::Users, "text[i] === '\"'", "text[i] === 5");
    broken(Kind::Users, "(i === 0 ? '' : ',')", "','");
    broken(
        Kind::Users,
        "give(own(entry, 'lists'), arrayLiteral)",
        "give(own(entry, 'lists'), textOf)",
    );
    broken(Kind::Machines, "&& isInScope(scope)", "");
    let constant = "const getCustomJwtClaims = () => ({});\n".to_owned();
    let examples = proof(Kind::Users, &entry(), constant);
    assert!(!examples[0].agrees(&dry_run(&examples[0])));
    assert!(!examples[0].agrees(&json!(null)));
}

#[test]
fn the_request_has_the_shape_that_logto_was_seen_to_take() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let example = &proof(Kind::Users, &entry(), "s".to_owned())[0];
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&example.request), keys(&recorded));
    assert_eq!(keys(&example.request["token"]), keys(&recorded["token"]));
    assert_eq!(
        keys(&example.request["context"]["user"]),
        keys(&recorded["context"]["user"])
    );
    let role = |request: &Value| request["context"]["user"]["roles"][0].clone();
    assert_eq!(keys(&role(&example.request)), keys(&role(&recorded)));
    let scope = |request: &Value| role(request)["scopes"][0].clone();
    assert_eq!(keys(&scope(&example.request)), keys(&scope(&recorded)));
    assert_eq!(
        keys(&scope(&example.request)["resource"]),
        keys(&scope(&recorded)["resource"])
    );
    let variables = keys(&example.request["environmentVariables"]);
    assert_eq!(
        variables.len(),
        2,
        "ours and the foreign one: {variables:?}"
    );
}

#[test]
fn a_proof_of_500_roles_fits_into_a_request() {
    let mut entry = entry();
    entry.roles = (0..500)
        .map(|n| {
            pair(
                &format!("role-with-a-long-name-{n:03}"),
                &format!("scope:{n:03}"),
            )
        })
        .collect();
    for kind in Kind::ALL {
        for example in proof(kind, &entry, assemble(kind, None, None)) {
            assert!(example.request.to_string().len() < MAX_BODY_BYTES / 2);
            assert!(example.agrees(&dry_run(&example)), "{}", example.whose);
        }
    }
}

/// Body of a dry run that Logto 1.42 took.
const RECORDED: &str = r#"{
 "tokenType": "access-token",
 "script": "…",
 "environmentVariables": {
  "A": "b"
 },
 "token": {
  "jti": "j",
  "aud": "https://hasura.example.com/api",
  "scope": "read:user",
  "clientId": "m7ygan29bk8skgjvz3cvy",
  "accountId": "g83mtuuahegv",
  "expiresWithSession": false,
  "grantId": "g",
  "gty": "authorization_code",
  "kind": "AccessToken"
 },
 "context": {
  "user": {
   "id": "g83mtuuahegv",
   "username": "alice",
   "primaryEmail": "alice@example.com",
   "primaryPhone": null,
   "name": null,
   "avatar": null,
   "customData": {
    "orgId": "org-1"
   },
   "identities": {},
   "lastSignInAt": null,
   "createdAt": 1795457504222,
   "updatedAt": 1795457504222,
   "profile": {},
   "applicationId": null,
   "isSuspended": false,
   "hasPassword": false,
   "ssoIdentities": [],
   "mfaVerificationFactors": [],
   "organizations": [],
   "organizationRoles": [],
   "roles": [
    {
     "id": "97ko1d2i6wjbv775ta0hr",
     "name": "user:reader",
     "description": "d",
     "scopes": [
      {
       "id": "m8spesf5zc2gbcgkvw7pi",
       "name": "read:user",
       "description": null,
       "resourceId": "d1smlljzr8hb50akylks7",
       "resource": {
        "tenantId": "default",
        "id": "d1smlljzr8hb50akylks7",
        "name": "Hasura",
        "indicator": "https://hasura.example.com/api",
        "isDefault": false,
        "accessTokenTtl": 3600
       }
      }
     ]
    }
   ]
  }
 }
}"#;
