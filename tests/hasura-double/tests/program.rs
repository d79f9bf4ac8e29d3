//! The program `hasura-double`.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// The program, with only these variables in its environment.
fn program(env: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hasura-double"));
    command
        .env_clear()
        .envs(env.iter().copied())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Ends the program when a test fails before it has ended.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_prints_its_address_serves_and_ends_in_order_at_ctrl_c() {
    let env = [("HASURA_GRAPHQL_ADMIN_SECRET", "s")];
    let arguments = ["--", "serve", "--unauthorized-role", "anonymous"];
    let mut started = Started(program(&env, &arguments).spawn().unwrap());
    let mut line = String::new();
    let stdout = started.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap();

    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = http
        .post(format!("{address}/v1/graphql"))
        .body(r#"{"query":"{a}"}"#);
    let answer: serde_json::Value = asked.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["data"]["role"], "anonymous");

    let id = started.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(started.0.wait().unwrap().code(), Some(0));
}

#[test]
fn it_ends_in_hasuras_words_with_exit_code_1() {
    let output = program(&[("HASURA_GRAPHQL_JWT_SECRET", "{}")], &[])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "Fatal Error:- Environment variable HASURA_GRAPHQL_JWT_SECRET: Error in $: \
         key and jwk_url both cannot be empty\n"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn its_port_is_hasuras() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (value, words) in [
        (port.as_str(), "can not listen on"),
        ("x", "SERVER_PORT: \"x\" is no port"),
    ] {
        let output = program(&[("HASURA_GRAPHQL_SERVER_PORT", value)], &[])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn its_help_has_an_example() {
    let output = program(&[], &["--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        help.contains("Example:\n  export HASURA_GRAPHQL_ADMIN_SECRET"),
        "{help}"
    );
}
