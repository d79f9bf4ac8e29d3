use rquickjs::{Ctx, Error, Value};

use crate::engine::Clock;

/// Why a script gave no claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The text is not a script.
    #[error("{0}")]
    Syntax(String),
    /// There is no function of the name that Logto calls.
    #[error("The script does not have a function named `getCustomJwtClaims`")]
    Missing,
    /// The script threw, or gave what can not leave the engine; the message is the script's own.
    #[error("{0}")]
    Threw(String),
    /// The script called `api.denyAccess`, with this message.
    #[error("{0}")]
    Denied(String),
    /// The script gave something else than an object.
    #[error("Invalid input")]
    NotAnObject,
    /// The script ran too long, or waits for what never comes.
    #[error("the script did not end in time")]
    TimedOut,
}

impl Failure {
    /// What an error of the engine means: the exception that is pending in `ctx`, or that time is up.
    pub(crate) fn of(ctx: &Ctx<'_>, clock: &Clock, error: &Error) -> Self {
        let thrown = error.is_exception().then(|| ctx.catch());
        match thrown {
            _ if clock.is_over() => Self::TimedOut,
            Some(value) => Self::of_thrown(&value),
            None => Self::Threw(error.to_string()),
        }
    }

    /// What a thrown value means.
    pub(crate) fn of_thrown(value: &Value<'_>) -> Self {
        let message = text(value, "message");
        match text(value, "name").as_deref() {
            _ if text(value, "code").as_deref() == Some("AccessDenied") => {
                Self::Denied(message.unwrap_or_default())
            }
            Some("SyntaxError") => Self::Syntax(message.unwrap_or_default()),
            Some("ReferenceError") if names_the_entry(message.as_deref()) => Self::Missing,
            _ => Self::Threw(message.unwrap_or_else(|| described(value))),
        }
    }
}

/// The vm's runner names the entry function without asking whether it is there.
fn names_the_entry(message: Option<&str>) -> bool {
    message == Some("getCustomJwtClaims is not defined")
}

/// A property that is text. Reading it may run code of the script, whose failure is no concern here.
fn text(value: &Value<'_>, name: &str) -> Option<String> {
    value.as_object()?.get(name).ok()
}

fn described(value: &Value<'_>) -> String {
    match value.as_string().map(rquickjs::String::to_string) {
        Some(Ok(text)) => text,
        _ => format!("the script threw a value of type {}", value.type_name()),
    }
}
