use super::*;
use serde_json::{Value, json};

fn names(names: &[&str]) -> Value {
    json!({"names": names})
}

fn labels(readable: bool) -> NamespaceLabels {
    let labels = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    NamespaceLabels {
        readable,
        by_name: [
            (
                "team-a".to_owned(),
                labels(&[("logto", "main"), ("team", "a")]),
            ),
            ("team-b".to_owned(), labels(&[("logto", "other")])),
        ]
        .into(),
    }
}

fn tenant(allowed: Value) -> LogtoTenantSpec {
    serde_json::from_value(json!({
        "tenantId": "default", "credentialsSecretRef": {"name": "m2m"}, "allowedInstances": allowed,
    }))
    .unwrap()
}

fn instance(indicator: &str, allowed: Value) -> HasuraInstanceSpec {
    serde_json::from_value(json!({
        "tenantRef": {"name": "main"}, "apiResource": {"indicator": indicator, "name": "Shop"},
        "logtoRoleNamePrefix": "shop-", "deploymentRef": {"name": "hasura"}, "allowedBindings": allowed,
    }))
    .unwrap()
}

fn binding(role: &str, further: Value) -> HasuraRoleBindingSpec {
    let mut spec =
        json!({"instanceRef": {"name": "shop"}, "hasuraRole": role, "scope": {"name": "read"}});
    for (key, value) in further.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

const INDICATOR: &str = "https://shop.example.com/v1/graphql";

#[test]
fn the_own_namespace_needs_no_consent_and_every_other_one_does() {
    let (tenant, instance) = (tenant(json!([])), instance(INDICATOR, json!([])));
    let known = labels(true);
    let of = |namespace| to_instance(("logto", &tenant), (namespace, &instance), &known);
    assert_eq!(
        (of("logto"), of("shop")),
        (Consent::Given, Consent::Withheld)
    );
    let binding = binding("editor", json!({}));
    let of = |namespace| to_binding(("shop", &instance), (namespace, &binding), &known);
    assert_eq!(
        (of("shop"), of("team-a")),
        (Consent::Given, Consent::Withheld)
    );
}

#[test]
fn a_namespace_is_taken_by_its_name_or_by_all_of_the_labels() {
    let selector = |value| serde_json::from_value::<Namespaces>(value).unwrap();
    let takes = |value, namespace| selects(&selector(value), namespace, &labels(true));
    assert_eq!(takes(names(&["team-a"]), "team-a"), Consent::Given);
    assert_eq!(takes(names(&["team-a"]), "team-a2"), Consent::Withheld);
    let both = json!({"matchLabels": {"logto": "main", "team": "a"}});
    assert_eq!(takes(both.clone(), "team-a"), Consent::Given);
    assert_eq!(takes(both, "team-b"), Consent::Withheld);
    let main = json!({"matchLabels": {"logto": "main"}});
    assert_eq!(takes(main.clone(), "unheard-of"), Consent::Withheld);
    // What an API server would refuse selects nothing.
    for nothing in [json!({}), json!({"matchLabels": {}}), json!({"names": []})] {
        assert_eq!(takes(nothing, "team-a"), Consent::Withheld);
    }
    let unreadable = selects(&selector(main), "team-b", &labels(false));
    assert_eq!(unreadable, Consent::Unknown);
}

#[test]
fn an_indicator_is_allowed_to_the_letter_or_behind_a_slash_or_colon() {
    let of = |prefix: &str, indicator: &str| {
        let allowed = json!([{"namespaces": names(&["shop"]), "indicatorPrefixes": [prefix]}]);
        let (tenant, instance) = (tenant(allowed), instance(indicator, json!([])));
        to_instance(("logto", &tenant), ("shop", &instance), &labels(true)) == Consent::Given
    };
    assert!(of("https://shop.example.com/", INDICATOR));
    assert!(of(INDICATOR, INDICATOR));
    assert!(of("urn:shop:", "urn:shop:orders"));
    assert!(!of("https://shop.example.com", INDICATOR));
    assert!(!of(
        "https://shop.example.com",
        "https://shop.example.com.evil.org/"
    ));
    assert!(!of(INDICATOR, "https://shop.example.com/v1/graphql/more"));
    assert!(!of(
        "https://shop.example.com/",
        "https://billing.example.com/"
    ));
}

#[test]
fn a_binding_may_name_neither_a_role_nor_a_logto_role_beside_the_patterns() {
    let allowed = json!([{"namespaces": names(&["team-a"]), "hasuraRoles": ["team-a:*", "guest"]}]);
    let instance = instance(INDICATOR, allowed);
    let of = |role: &str, further| {
        let binding = binding(role, further);
        to_binding(("shop", &instance), ("team-a", &binding), &labels(true)) == Consent::Given
    };
    assert!(of("team-a:reader", json!({})) && of("guest", json!({})));
    assert!(!of("manager", json!({})) && !of("guests", json!({})));
    assert!(of(
        "guest",
        json!({"logtoRole": {"name": "shop-team-a:guests"}})
    ));
    assert!(!of("guest", json!({"logtoRole": {"name": "shop-manager"}})));
}

#[test]
fn a_pattern_of_several_words_takes_what_begins_so_and_a_star_in_a_scope_is_no_pattern() {
    let of = |pattern: &str, role: &str, further| {
        let allowed = json!([{"namespaces": names(&["team-a"]), "hasuraRoles": [pattern]}]);
        let (instance, binding) = (instance(INDICATOR, allowed), binding(role, further));
        to_binding(("shop", &instance), ("team-a", &binding), &labels(true)) == Consent::Given
    };
    let manager = "Sales Manager";
    assert!(of("Sales Manager", manager, json!({})));
    assert!(of("Sales *", manager, json!({})) && of("Sales*", manager, json!({})));
    assert!(!of("Sales *", "Salesman", json!({})) && of("Sales*", "Salesman", json!({})));
    assert!(!of("Sales", manager, json!({})) && !of("Manager", manager, json!({})));
    // Roles are what is consented to; whatever the scope is called, it neither widens nor narrows that.
    let all = json!({"scope": {"name": "messaging:message:*"}});
    assert!(of("Sales Manager", manager, all.clone()));
    assert!(!of("messaging:*", manager, all.clone()) && !of("Sales Manager", "Boss", all));
    // The Logto role has to match behind the prefix, word for word.
    let named = |name: &str| json!({"logtoRole": {"name": name}});
    assert!(of("Sales *", manager, named("shop-Sales Managers of Ulm")));
    assert!(!of("Sales *", manager, named("shop-Salesmen")));
}

#[test]
fn who_is_given_a_role_is_for_the_instances_owner_to_say() {
    let rule = |subjects: &str| json!({"namespaces": names(&["team-a"]), "hasuraRoles": ["*"], "subjects": subjects});
    let forbids = |rules: Value, further| {
        let (instance, binding) = (instance(INDICATOR, rules), binding("editor", further));
        let instance = ("shop", &instance);
        to_grant(instance, ("team-a", &binding), &labels(true)) == Consent::Withheld
    };
    let alice = json!({"subjects": [{"kind": "User", "username": "alice"}]});
    let default = json!({"logtoRole": {"isDefault": true}});
    assert!(forbids(json!([rule("Forbid")]), alice.clone()));
    assert!(forbids(json!([rule("Forbid")]), default.clone()));
    assert!(!forbids(
        json!([rule("Forbid")]),
        json!({"logtoRole": {"isDefault": false}})
    ));
    assert!(!forbids(
        json!([rule("Forbid"), rule("Allow")]),
        alice.clone()
    ));
    assert!(!forbids(json!([rule("Allow")]), default));
    // An entry for others allows nothing here.
    let for_others =
        json!({"namespaces": names(&["team-b"]), "hasuraRoles": ["*"], "subjects": "Allow"});
    assert!(forbids(json!([rule("Forbid"), for_others]), alice));
}

#[test]
fn a_rule_that_can_not_be_told_does_not_forbid_subjects() {
    let by_name =
        json!({"namespaces": names(&["team-a"]), "hasuraRoles": ["*"], "subjects": "Forbid"});
    let by_label = json!({"namespaces": {"matchLabels": {"team": "a"}}, "hasuraRoles": ["*"], "subjects": "Allow"});
    let instance = instance(INDICATOR, json!([by_name, by_label]));
    let alice = json!({"subjects": [{"kind": "User", "username": "alice"}]});
    let of = |further, readable| {
        let (instance, binding) = (("shop", &instance), binding("editor", further));
        to_grant(instance, ("team-a", &binding), &labels(readable))
    };
    assert_eq!(of(alice.clone(), true), Consent::Given);
    assert_eq!(of(alice, false), Consent::Unknown);
    assert_eq!(of(json!({}), false), Consent::Given);
}

#[test]
fn one_rule_that_consents_is_enough_and_one_that_can_not_be_told_is_not_a_no() {
    let by_label = json!({"namespaces": {"matchLabels": {"logto": "main"}}, "indicatorPrefixes": ["https://shop.example.com/"]});
    let by_name = json!({"namespaces": names(&["team-a"]), "indicatorPrefixes": ["https://shop.example.com/"]});
    let of = |rules| {
        let (tenant, instance) = (tenant(rules), instance(INDICATOR, json!([])));
        to_instance(("logto", &tenant), ("team-a", &instance), &labels(false))
    };
    assert_eq!(of(json!([by_label])), Consent::Unknown);
    assert_eq!(of(json!([by_label, by_name])), Consent::Given);
}
