//! The programs give what the model says, for all that can be thrown at them.

use logto_hasura::domain::claims::{model::NO_DEFAULT, program::Kind, script::assemble};
use script_runner::{Worker, run};
use serde_json::Value;

use crate::cases::{Case, case};
use crate::world::{expected, payload};

/// What the generated cases came to, so that the test can not pass on tokens that grant nothing.
#[derive(Debug, Default)]
struct Seen {
    granted: usize,
    several_roles: usize,
    no_default: usize,
    variables: usize,
    lists: usize,
    long_lists: usize,
    machines: usize,
}

impl Seen {
    fn note(&mut self, kind: Kind, given: &Value) {
        let Some(claims) = given.as_object().and_then(|all| all.values().next()) else {
            return;
        };
        let roles = claims["x-hasura-allowed-roles"].as_array().unwrap();
        self.granted += 1;
        self.several_roles += usize::from(roles.len() > 1);
        self.no_default += usize::from(claims["x-hasura-default-role"] == NO_DEFAULT);
        self.variables += usize::from(claims.as_object().unwrap().len() > 3);
        let literals = claims.as_object().unwrap().values();
        let literals = literals
            .filter_map(Value::as_str)
            .filter(|text| text.starts_with("{\""));
        let lengths: Vec<usize> = literals.map(str::len).collect();
        self.lists += usize::from(!lengths.is_empty());
        self.long_lists += usize::from(lengths.iter().any(|length| *length > 400));
        self.machines += usize::from(kind == Kind::Machines);
    }
}

#[test]
fn twenty_thousand_generated_tokens_get_what_the_model_says() {
    let users = Worker::new(&assemble(Kind::Users, None, None)).unwrap();
    let machines = Worker::new(&assemble(Kind::Machines, None, None)).unwrap();
    let mut seen = Seen::default();
    for number in 0..20_000 {
        let case = case(number);
        let Case {
            kind,
            variables,
            token,
            context,
        } = &case;
        let worker = if *kind == Kind::Users {
            &users
        } else {
            &machines
        };
        let expected = expected(*kind, variables, token, context);
        let given = worker.run(&payload(variables, token, context));
        assert_eq!(given, Ok(expected.clone()), "case {number}: {case:#?}");
        seen.note(*kind, &expected);
    }
    let Seen {
        granted,
        several_roles,
        no_default,
        variables,
        lists,
        long_lists,
        machines,
    } = seen;
    println!("{seen:?}");
    assert!(granted > 2_500 && several_roles > 1_000, "{seen:?}");
    assert!(
        no_default > 400 && variables > 250 && machines > 400,
        "{seen:?}"
    );
    assert!(lists > 100 && long_lists > 10, "{seen:?}");
}

#[test]
fn a_fresh_context_for_each_token_gives_the_same() {
    for number in 1_000_000..1_002_000 {
        let case = case(number);
        let Case {
            kind,
            variables,
            token,
            context,
        } = &case;
        let given = run(
            &assemble(*kind, None, None),
            &payload(variables, token, context),
        );
        let expected = expected(*kind, variables, token, context);
        assert_eq!(given, Ok(expected), "case {number}: {case:#?}");
    }
}
