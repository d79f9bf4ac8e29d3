//! What a refusal has to say: the field, for the reason that the row is about, and nothing else.

use std::borrow::Cow;

use kube::core::Status;

use super::object::Object;

/// An object with one thing wrong.
pub struct Bad {
    /// The field and what is wrong with it.
    pub what: String,
    pub object: Object,
    /// The path that the refusal has to name, and the only one.
    pub field: Cow<'static, str>,
    /// A part of the reason, so that no row passes for a reason that is not its own.
    pub because: &'static str,
}

// The API server's own words, source: kube-openapi `pkg/validation/errors` and apimachinery `pkg/util/validation/field`.
pub const REQUIRED: &str = "Required value";
pub const TOO_SHORT: &str = "should be at least 1 chars long";
pub const TOO_LONG: &str = "Too long: may not be more than";
pub const PATTERN: &str = "should match";
pub const ENUM: &str = "Unsupported value";
pub const TOO_SMALL: &str = "should be greater than or equal to";
pub const TOO_LARGE: &str = "should be less than or equal to";
pub const NOT_TEXT: &str = "must be of type string";
pub const NOT_A_NUMBER: &str = "must be of type integer";
pub const NOT_WHOLE: &str = "must be of type int32";
pub const NOT_A_BOOL: &str = "must be of type boolean";
pub const TOO_FEW: &str = "should have at least 1 items";
pub const NOT_A_LIST: &str = "must be of type array";
pub const NOT_A_TIME: &str = "must be of type date-time";
pub const NOT_AN_OBJECT: &str = "must be of type object";
pub const DUPLICATE: &str = "Duplicate value";
pub const UNKNOWN: &str = "unknown field";

/// What the API server gives as the path of a cause that is about no field, or that names its field in words.
const NO_PATH: &str = "<nil>";

/// Stands beside schema errors, for the rules that could not be looked at.
const RULES_SKIPPED: &str = "some validation rules were not checked";

/// Why an answer is not the refusal that was expected; none when it is.
pub fn complaint<T>(answer: kube::Result<T>, field: &str, because: &str) -> Option<String> {
    match answer {
        Ok(_) => Some("it was accepted".to_owned()),
        Err(kube::Error::Api(status)) if because == UNKNOWN => unknown_field(&status, field),
        Err(kube::Error::Api(status)) => invalid(&status, field, because),
        Err(error) => Some(format!("it was not refused but failed: {error}")),
    }
}

/// What the API server said, without the rest of its answer.
pub fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// Strict decoding has no causes, only a message.
fn unknown_field(status: &Status, field: &str) -> Option<String> {
    let named = status.message.contains(&format!("{UNKNOWN} \"{field}\""));
    (status.code != 400 || !named).then(|| said(status, &format!("{UNKNOWN} {field}")))
}

fn invalid(status: &Status, field: &str, because: &str) -> Option<String> {
    if status.code != 422 || !status.message.contains(&format!("{field}: ")) {
        return Some(said(status, &format!("the field {field}")));
    }
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let about_it = |message: &str| message.contains(RULES_SKIPPED) || message.ends_with(field);
    let mut causes = causes
        .filter(|cause| cause.field != NO_PATH || !about_it(&cause.message))
        .peekable();
    if causes.peek().is_none() {
        return Some(said(status, "causes"));
    }
    let mut reasoned = false;
    for cause in causes {
        if cause.field != field {
            return Some(said(status, &format!("{field} and no other field")));
        }
        reasoned |= cause.message.contains(because);
    }
    (!reasoned).then(|| said(status, &format!("the reason {because:?}")))
}

fn said(status: &Status, expected: &str) -> String {
    format!(
        "expected {expected}; {} {}: {}",
        status.code, status.reason, status.message
    )
}

/// Fails with all complaints at once.
pub fn none_of(complaints: &[String], rows: usize) -> anyhow::Result<()> {
    anyhow::ensure!(
        complaints.is_empty(),
        "{} complaints about {rows} rows:\n- {}",
        complaints.len(),
        complaints.join("\n- ")
    );
    Ok(())
}
