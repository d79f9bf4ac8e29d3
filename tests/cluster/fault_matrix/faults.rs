//! The faults, and the kinds of requests.

use fault_proxy::{Answer, Effect, Fault, Matches};

/// A fault, and what the tenant may say while Logto has it all the time.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub fault: fn() -> Fault,
    /// Reasons of Ready=False.
    pub said: &'static [&'static str],
}

const UNREACHABLE: &[&str] = &["LogtoUnreachable"];
const REFUSED: &[&str] = &["LogtoRefused", "DiscoveryRefused"];

fn without(answer: Answer) -> Fault {
    Fault {
        effect: Effect::Without,
        answer,
    }
}

fn with(answer: Answer) -> Fault {
    Fault {
        effect: Effect::With,
        answer,
    }
}

/// Both servers get the same; each one's error body is foreign to the other, as a proxy's would be.
fn refusal(status: u16, code: &str) -> Answer {
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"planted","code":{status},"reason":"{code}"}}"#
    );
    Answer::json(status, body)
}

fn in_a_second() -> String {
    let date = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1);
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&date)
        .unwrap_or_default()
}

/// What Logto says to a token that it does not know any more.
fn revoked() -> Answer {
    Answer::json(401, r#"{"code":"auth.unauthorized","message":"planted"}"#)
}

fn of_20_mb() -> Answer {
    Answer::json(200, "[".repeat(20 * 1024 * 1024))
}

fn nested() -> Answer {
    Answer::json(200, "{\"a\":".repeat(100_000))
}

pub const FAULTS: [Case; 22] = [
    Case {
        name: "409",
        fault: || without(refusal(409, "Conflict")),
        said: REFUSED,
    },
    Case {
        name: "422",
        fault: || without(refusal(422, "Invalid")),
        said: REFUSED,
    },
    Case {
        name: "429-seconds",
        fault: || without(refusal(429, "TooManyRequests").with("retry-after", "1")),
        said: &["LogtoThrottled"],
    },
    Case {
        name: "429-date",
        fault: || without(refusal(429, "TooManyRequests").with("retry-after", &in_a_second())),
        said: &["LogtoThrottled"],
    },
    Case {
        name: "401",
        fault: || without(refusal(401, "Unauthorized")),
        said: REFUSED,
    },
    Case {
        name: "401-revoked",
        fault: || without(revoked()),
        said: &["CredentialsRefused"],
    },
    Case {
        name: "500-before",
        fault: || without(refusal(500, "InternalError")),
        said: UNREACHABLE,
    },
    Case {
        name: "500-after",
        fault: || with(refusal(500, "InternalError")),
        said: UNREACHABLE,
    },
    Case {
        name: "503-html",
        fault: || without(Answer::of(503, "text/html", "<h1>planted</h1>")),
        said: UNREACHABLE,
    },
    Case {
        name: "silence-before",
        fault: || without(Answer::Silence),
        said: UNREACHABLE,
    },
    Case {
        name: "silence-after",
        fault: || with(Answer::Silence),
        said: UNREACHABLE,
    },
    Case {
        name: "reset-before",
        fault: || without(Answer::Close),
        said: UNREACHABLE,
    },
    Case {
        name: "reset-after",
        fault: || with(Answer::Close),
        said: UNREACHABLE,
    },
    Case {
        name: "torn-before",
        fault: || without(Answer::Torn),
        said: UNREACHABLE,
    },
    Case {
        name: "torn-after",
        fault: || with(Answer::Torn),
        said: UNREACHABLE,
    },
    Case {
        name: "html",
        fault: || without(Answer::of(200, "text/html", "<h1>planted</h1>")),
        said: REFUSED,
    },
    Case {
        name: "html-after",
        fault: || with(Answer::of(200, "text/html", "<h1>planted</h1>")),
        said: REFUSED,
    },
    Case {
        name: "20-mb",
        fault: || without(of_20_mb()),
        said: REFUSED,
    },
    Case {
        name: "nested",
        fault: || without(nested()),
        said: REFUSED,
    },
    Case {
        name: "redirect",
        fault: || without(refusal(302, "Found").with("location", "http://127.0.0.1:1/planted")),
        said: REFUSED,
    },
    Case {
        name: "wrong-type",
        fault: || without(Answer::of(200, "text/plain", "[]")),
        said: REFUSED,
    },
    Case {
        name: "empty",
        fault: || without(Answer::json(200, "")),
        said: REFUSED,
    },
];

/// Which server a lasting fault has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Logto,
    ApiServer,
}

impl Server {
    /// Kinds of requests that every run has to make.
    pub const KINDS: [&'static str; 24] = [
        "GET /oidc/.well-known/openid-configuration",
        "POST /oidc/token",
        "GET /oidc/jwks",
        "GET /api/resources",
        "POST /api/resources",
        "POST /api/resources/*/scopes",
        "PATCH /api/resources/*/scopes/*",
        "DELETE /api/resources/*/scopes/*",
        "GET /api/roles",
        "POST /api/roles",
        "PATCH /api/roles/*",
        "DELETE /api/roles/*",
        "GET /api/roles/*/scopes",
        "GET /api/configs/jwt-customizer",
        "POST /api/configs/jwt-customizer/test",
        "PUT /api/configs/jwt-customizer/*",
        "GET secrets",
        "GET deployments",
        "PATCH deployments",
        "PATCH hasurarolebindings",
        "PUT hasurarolebindings/status",
        "PUT logtotenants/status",
        "PUT hasurainstances/status",
        "POST events",
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Logto => "logto",
            Self::ApiServer => "api-server",
        }
    }

    /// Everything that is asked of it, but for watches that run.
    pub fn matches(self) -> Matches {
        Box::new(move |_, path, _| {
            let is_api_server = path.starts_with("/apis/") || path.starts_with("/api/v1/");
            is_api_server == (self == Self::ApiServer)
        })
    }
}

/// What a request is about, without the names of objects.
pub fn kind_of(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let of_kubernetes = |parts: &[&str]| -> Option<String> {
        let rest = match parts {
            ["apis", _, _, "namespaces", _, rest @ ..]
            | ["api", "v1", "namespaces", _, rest @ ..] => rest,
            ["apis", _, _, rest @ ..] | ["api", "v1", rest @ ..] => rest,
            _ => return None,
        };
        Some(match rest {
            [resource, _, part] => format!("{resource}/{part}"),
            [resource, ..] => (*resource).to_owned(),
            [] => "namespaces".to_owned(),
        })
    };
    if let Some(kind) = of_kubernetes(&parts) {
        return format!("{method} {kind}");
    }
    // Ids of Logto have 12 or 21 characters; so does the kind of a token, of which there is one here.
    let is_id = |part: &str| matches!(part.len(), 12 | 21);
    let parts = parts
        .iter()
        .map(|part| if is_id(part) { "*" } else { part });
    format!("{method} /{}", parts.collect::<Vec<_>>().join("/"))
}
