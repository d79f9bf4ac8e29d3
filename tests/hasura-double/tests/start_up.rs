//! What Hasura says at start, setting by setting. The texts are the engine's own.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use hasura_double::{AuthMode, Fatal, HookMethod, Settings, Webhook, start_up};

const JWT: &str = r#"{"jwk_url":"http://logto:3001/oidc/jwks"}"#;
const HOOK: (&str, &str) = ("HASURA_GRAPHQL_AUTH_HOOK", "http://hook");
const SECRET: (&str, &str) = ("HASURA_GRAPHQL_ADMIN_SECRET", "s");
const ROLE: (&str, &str) = ("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "anonymous");
const TOKENS: (&str, &str) = ("HASURA_GRAPHQL_JWT_SECRET", JWT);

fn start(env: &[(&str, &str)], command_line: &[&str]) -> Result<Settings, Fatal> {
    let env: BTreeMap<_, _> = env
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let command_line: Vec<_> = command_line.iter().map(|word| (*word).to_owned()).collect();
    start_up(&env, &command_line)
}

fn fatal(env: &[(&str, &str)], command_line: &[&str]) -> String {
    start(env, command_line).unwrap_err().to_string()
}

fn mode(env: &[(&str, &str)], command_line: &[&str]) -> &'static str {
    match start(env, command_line).unwrap().auth {
        AuthMode::NoAuth => "everybody is admin",
        AuthMode::AdminSecret => "admin secret",
        AuthMode::Jwt(_) => "jwt",
        AuthMode::Webhook(_) => "webhook",
    }
}

#[test]
fn four_combinations_of_secret_hook_and_tokens_start() {
    assert_eq!(mode(&[], &[]), "everybody is admin");
    assert_eq!(mode(&[SECRET], &[]), "admin secret");
    assert_eq!(mode(&[SECRET, TOKENS], &[]), "jwt");
    assert_eq!(mode(&[SECRET, HOOK], &[]), "webhook");
}

#[test]
fn every_other_combination_is_fatal() {
    const NEEDS: &str = " requires --admin-secret (HASURA_GRAPHQL_ADMIN_SECRET) or  \
                         --access-key (HASURA_GRAPHQL_ACCESS_KEY) to be set";
    let hook = format!("Fatal Error : --auth-hook (HASURA_GRAPHQL_AUTH_HOOK){NEEDS}");
    let tokens = format!("Fatal Error : --jwt-secret (HASURA_GRAPHQL_JWT_SECRET){NEEDS}");
    let both = "Fatal Error: Both webhook and JWT mode cannot be enabled at the same time";
    assert_eq!(fatal(&[HOOK], &[]), hook);
    assert_eq!(fatal(&[TOKENS], &[]), tokens);
    assert_eq!(fatal(&[TOKENS, HOOK], &[]), both);
    assert_eq!(fatal(&[TOKENS, HOOK, SECRET], &[]), both);
}

#[test]
fn an_unauthorized_role_starts_only_with_a_secret_and_without_a_hook() {
    for fine in [&[SECRET, ROLE][..], &[SECRET, TOKENS, ROLE]] {
        assert_eq!(
            start(fine, &[]).unwrap().unauthorized_role.as_deref(),
            Some("anonymous")
        );
    }
    let expected = "Fatal Error: --unauthorized-role (HASURA_GRAPHQL_UNAUTHORIZED_ROLE) requires --admin-secret \
                    (HASURA_GRAPHQL_ADMIN_SECRET) or  --access-key (HASURA_GRAPHQL_ACCESS_KEY) to be set and is not \
                    allowed when --auth-hook (HASURA_GRAPHQL_AUTH_HOOK) is set";
    // It is looked at before all other mistakes.
    for wrong in [
        &[ROLE][..],
        &[ROLE, HOOK],
        &[ROLE, TOKENS],
        &[ROLE, HOOK, SECRET],
        &[ROLE, HOOK, SECRET, TOKENS],
    ] {
        assert_eq!(fatal(wrong, &[]), expected, "{wrong:?}");
    }
}

#[test]
fn an_empty_value_counts_as_given() {
    let unauthorized = fatal(&[SECRET, ("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "")], &[]);
    assert_eq!(
        unauthorized,
        "Fatal Error:- Environment variable HASURA_GRAPHQL_UNAUTHORIZED_ROLE: empty string not allowed"
    );
    assert_eq!(
        fatal(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", "")], &[]),
        "Fatal Error:- Environment variable HASURA_GRAPHQL_JWT_SECRET: Error in $: not enough input"
    );
    assert_eq!(
        mode(&[("HASURA_GRAPHQL_ADMIN_SECRET", "")], &[]),
        "admin secret"
    );
    assert_eq!(
        mode(&[SECRET, ("HASURA_GRAPHQL_AUTH_HOOK", "")], &[]),
        "webhook"
    );
}

#[test]
fn the_webhook_is_read_with_its_method_under_both_names() {
    let with = |name: &'static str, value: &'static str| match start(
        &[SECRET, HOOK, (name, value)],
        &[],
    ) {
        Ok(Settings {
            auth: AuthMode::Webhook(hook),
            ..
        }) => Ok(hook),
        Ok(other) => panic!("{other:?}"),
        Err(fatal) => Err(fatal.to_string()),
    };
    let hook = |method, send_request_body| Webhook {
        url: "http://hook".to_owned(),
        method,
        send_request_body,
    };
    assert_eq!(with("UNRELATED", ""), Ok(hook(HookMethod::Get, false)));
    for name in [
        "HASURA_GRAPHQL_AUTH_HOOK_MODE",
        "HASURA_GRAPHQL_AUTH_HOOK_TYPE",
    ] {
        assert_eq!(with(name, "POST"), Ok(hook(HookMethod::Post, true)));
        for bad in ["post", ""] {
            let expected =
                format!("Fatal Error:- Environment variable {name}: Only expecting GET / POST");
            assert_eq!(with(name, bad), Err(expected));
        }
    }
    let lone_bad_mode = fatal(&[SECRET, ("HASURA_GRAPHQL_AUTH_HOOK_MODE", "PUT")], &[]);
    assert!(
        lone_bad_mode.ends_with("Only expecting GET / POST"),
        "{lone_bad_mode}"
    );
}

#[test]
fn a_post_hook_can_leave_the_request_out() {
    let env = [
        SECRET,
        HOOK,
        ("HASURA_GRAPHQL_AUTH_HOOK_SEND_REQUEST_BODY", "No"),
    ];
    let settings = start(&env, &["--auth-hook-mode", "POST"]).unwrap();
    assert!(matches!(
        settings.auth,
        AuthMode::Webhook(Webhook {
            send_request_body: false,
            ..
        })
    ));

    let env = [
        SECRET,
        HOOK,
        ("HASURA_GRAPHQL_AUTH_HOOK_SEND_REQUEST_BODY", "maybe"),
    ];
    assert!(fatal(&env, &["--auth-hook-mode", "POST"]).contains(" Not a valid boolean text."));
    assert_eq!(mode(&env, &["--auth-hook-mode", "GET"]), "webhook");
}

#[test]
fn flags_win_over_the_environment() {
    let bad = ("HASURA_GRAPHQL_JWT_SECRET", "{}");
    assert_eq!(
        mode(
            &[SECRET, bad],
            &["graphql-engine", "serve", "--jwt-secret", JWT]
        ),
        "jwt"
    );
    assert_eq!(mode(&[TOKENS], &["serve", "--admin-secret=s"]), "jwt");
    assert_eq!(mode(&[TOKENS], &["serve", "--access-key", "s"]), "jwt");
    assert_eq!(
        mode(&[TOKENS, ("HASURA_GRAPHQL_ACCESS_KEY", "s")], &[]),
        "jwt"
    );
    let settings = start(&[SECRET, ROLE], &["--unauthorized-role", "guest"]).unwrap();
    assert_eq!(settings.unauthorized_role.as_deref(), Some("guest"));
    assert!(
        fatal(&[SECRET, TOKENS], &["--auth-hook", "http://hook"])
            .contains("Both webhook and JWT mode")
    );

    let bad_flag = fatal(&[SECRET, TOKENS], &["--jwt-secret", "{}"]);
    assert_eq!(
        bad_flag,
        "option --jwt-secret: Error in $: key and jwk_url both cannot be empty"
    );
    assert_eq!(
        fatal(&[], &["--jwt-secret"]),
        "The option `--jwt-secret` expects an argument."
    );
    assert_eq!(
        fatal(&[], &["--admin-secret=a", "--admin-secret=b"]),
        "Invalid option `--admin-secret'"
    );
}

#[test]
fn other_words_on_the_command_line_do_not_matter() {
    let line = [
        "graphql-engine",
        "--database-url",
        "postgres://db",
        "serve",
        "--enable-console",
        "--server-port=9",
    ];
    assert_eq!(mode(&[SECRET, TOKENS], &line), "jwt");
}

#[test]
fn the_plural_variables_are_not_read() {
    assert_eq!(
        mode(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRETS", "[not json")], &[]),
        "admin secret"
    );
    assert_eq!(
        mode(&[("HASURA_GRAPHQL_ADMIN_SECRETS", r#"["s"]"#)], &[]),
        "everybody is admin"
    );
}

#[test]
fn a_disabled_admin_secret_needs_another_way_in() {
    const DISABLED: (&str, &str) = ("HASURA_GRAPHQL_DISABLE_ADMIN_SECRET", "true");
    assert!(
        fatal(&[DISABLED], &[])
            .starts_with("Fatal Error: requires either HASURA_GRAPHQL_AUTH_HOOK")
    );
    assert!(
        fatal(&[SECRET], &["--disable-admin-secret"]).starts_with("Fatal Error: requires either")
    );
    assert_eq!(mode(&[DISABLED, TOKENS], &[]), "jwt");
    assert_eq!(mode(&[DISABLED, HOOK, ROLE], &[]), "webhook");
    assert!(fatal(&[DISABLED, TOKENS, HOOK], &[]).contains("Both webhook and JWT mode"));
    start(
        &[
            DISABLED,
            TOKENS,
            ("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "admin"),
        ],
        &[],
    )
    .unwrap_err();
}
