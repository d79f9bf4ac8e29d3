//! Logto's error bodies: a code to match on, and a message for people.

use serde_json::{Map, Value, json};

use crate::{answer::Answer, store::Violation};

/// An error with a code and nothing else but its message.
pub(crate) fn coded(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"code": code, "message": message}))
}

/// An error with `data`, and with `details` where there are any.
pub(crate) fn coded_with(
    status: u16,
    code: &str,
    message: &str,
    data: Value,
    details: Option<String>,
) -> Answer {
    let mut body = Map::from_iter([
        ("code".to_owned(), json!(code)),
        ("data".to_owned(), data),
        ("message".to_owned(), json!(message)),
    ]);
    if let Some(details) = details {
        body.insert("details".to_owned(), json!(details));
    }
    Answer::json(status, &body)
}

/// A row looked for by its id; `table` is the plural name of the table.
pub(crate) fn not_exists_with_id(table: &str, id: &str) -> Answer {
    let message = format!("The {table} with ID `{id}` does not exist.");
    coded(404, "entity.not_exists_with_id", &message)
}

/// An update that hit no row; `entity` is the singular name of the table.
pub(crate) fn not_exists(entity: &str) -> Answer {
    let message = format!("The {entity} does not exist.");
    coded(404, "entity.not_exists", &message)
}

/// A deletion that hit no row, and a user that is not there.
pub(crate) fn not_found() -> Answer {
    coded(404, "entity.not_found", "The resource does not exist.")
}

/// What the database client refuses to send, such as an UPDATE that sets nothing.
pub(crate) fn invalid_entity_input() -> Answer {
    coded(
        422,
        "entity.invalid_input",
        "Invalid input. Value list must not be empty.",
    )
}

/// A search that can not be read.
pub(crate) fn invalid_search(details: &str) -> Answer {
    // The data is a JavaScript TypeError, which has no fields of its own in JSON.
    let message = format!("Input is invalid. {details}");
    coded_with(400, "request.invalid_input", &message, json!({}), None)
}

/// The only error without a code besides malformed JSON.
pub(crate) fn internal() -> Answer {
    Answer::json(500, &json!({"message": "Internal server error."}))
}

/// What a refusal of the database looks like outside.
///
/// Unique violations of these tables have no mapping in Logto 1.42, so they are internal errors
/// (packages/core/src/middleware/koa-slonik-error-handler.ts).
pub(crate) fn violated(violation: Violation) -> Answer {
    match violation {
        Violation::Unique => internal(),
        Violation::ForeignKey => coded(
            404,
            "entity.relation_foreign_key_not_found",
            "Cannot find one or more foreign keys. Please check the input and ensure that all referenced entities exist.",
        ),
        Violation::Check => coded(
            422,
            "entity.db_constraint_violated",
            "Database constraint violated.",
        ),
        Violation::Missing => not_found(),
    }
}
