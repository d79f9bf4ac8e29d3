//! Steps in plain words, for the status of what is only observed.

use super::{
    observed::{Observed, Role, Scope},
    ownership,
    plan::{Conflict, Step},
};
use crate::api::policy::{PlanStatus, PlannedAction, PlannedStep};

/// Most steps of a status.
const MAX_STEPS: usize = 50;

/// Longest text that is quoted, in characters.
const MAX_QUOTED: usize = 200;

/// Longest sentence of others, in characters.
const MAX_SENTENCE: usize = 300;

/// Longest name among others, in characters.
const MAX_NAME: usize = 40;

/// Longest step, in characters.
const MAX_STEP: usize = 1024;

/// Most names in a list.
const NAMED: usize = 10;

/// What a step would do to what is observed.
pub fn planned(step: &Step, observed: &Observed) -> PlannedStep {
    let (action, what) = match step {
        Step::CreateResource {
            indicator, name, ..
        } => (
            PlannedAction::Create,
            format!(
                "the API resource {} with the name {}",
                quoted(indicator),
                quoted(name)
            ),
        ),
        Step::UpdateResource {
            id,
            name,
            access_token_ttl,
        } => (
            PlannedAction::Change,
            resource(observed, id, name.as_deref(), *access_token_ttl),
        ),
        Step::CreateScope { name, .. } => {
            (PlannedAction::Create, format!("the scope {}", quoted(name)))
        }
        Step::UpdateScope {
            indicator,
            id,
            name,
            description,
        } => {
            return update_scope(
                observed,
                indicator,
                id,
                name.as_deref(),
                description.as_deref(),
            );
        }
        Step::CreateRole {
            name, type_, scope, ..
        } => (
            PlannedAction::Create,
            format!(
                "the role {} of type {type_:?} with the scope {}",
                quoted(name),
                quoted(scope)
            ),
        ),
        Step::UpdateRole {
            id,
            name,
            description,
            is_default,
        } => {
            return update_role(
                observed,
                id,
                name.as_deref(),
                description.as_deref(),
                *is_default,
            );
        }
        Step::AttachScope { role, scope, .. } => (
            PlannedAction::Change,
            format!(
                "the role {} is given the scope {}",
                role_name(observed, role),
                quoted(scope)
            ),
        ),
        Step::DetachScope { role, scope, .. } => (
            PlannedAction::Change,
            format!(
                "the scope {} is taken from the role {}",
                quoted(scope),
                role_name(observed, role)
            ),
        ),
        Step::DeleteRole { id } => (
            PlannedAction::Delete,
            format!("the role {}", role_name(observed, id)),
        ),
        Step::DeleteScope { indicator, id } => {
            let found = scope_by_id(observed, indicator, id);
            let name = found.map_or(id.as_str(), |(name, _)| name);
            (PlannedAction::Delete, format!("the scope {}", quoted(name)))
        }
        Step::DeleteResource { indicator, .. } => (
            PlannedAction::Delete,
            format!("the API resource {}", quoted(indicator)),
        ),
    };
    in_bounds(action, &what)
}

/// What stands in the way and would not be touched.
pub fn foreign(conflict: &Conflict) -> PlannedStep {
    in_bounds(PlannedAction::Foreign, &conflict.to_string())
}

/// The steps as a status shows them.
pub fn status(mut steps: Vec<PlannedStep>) -> PlanStatus {
    let left_out = steps.len().saturating_sub(MAX_STEPS);
    steps.truncate(MAX_STEPS);
    PlanStatus {
        steps,
        left_out: i32::try_from(left_out).unwrap_or(i32::MAX),
    }
}

/// A step whose words fit into a status.
pub fn in_bounds(action: PlannedAction, what: &str) -> PlannedStep {
    PlannedStep {
        action,
        what: what.chars().take(MAX_STEP).collect(),
    }
}

/// A scope by its id, in words: its name and its resource where it is known.
pub fn scope_named(observed: &Observed, id: &str) -> String {
    let scope = observed.resources.iter().find_map(|(indicator, resource)| {
        let found = resource.scopes.iter().find(|(_, scope)| scope.id == id);
        found.map(|(name, _)| (name, indicator))
    });
    scope.map_or_else(
        || quoted(id),
        |(name, indicator)| format!("{} of {}", quoted(name), quoted(indicator)),
    )
}

/// The first few, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let named = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Names from Logto, the first few of them, each cut and escaped.
pub fn names<T: AsRef<str>>(names: &[T]) -> String {
    let escaped: Vec<String> = names.iter().map(|name| plain(name.as_ref())).collect();
    listed(&escaped)
}

/// A name without quotation marks, cut, and with nothing in it that a terminal or a page would act on.
fn plain(name: &str) -> String {
    let cut: String = name.chars().take(MAX_NAME).collect();
    let end = if cut.len() == name.len() { "" } else { "…" };
    format!("{}{end}", escaped(&cut))
}

/// Text without quotation marks, cut, and with nothing in it that a terminal or a page would act on.
pub fn escaped(text: &str) -> String {
    let cut: String = text.chars().take(MAX_QUOTED).collect();
    cut.escape_debug().to_string()
}

/// A sentence of Kubernetes, or of whoever spoke to it: cut, and with nothing in it that a terminal or a page would act on.
/// Its quotation marks stay, since it is shown without any around it.
pub fn sentence(text: &str) -> String {
    let cut: String = text.chars().take(MAX_SENTENCE).collect();
    let end = if cut.len() == text.len() { "" } else { "…" };
    let escape = |c: char| match c {
        '"' | '\'' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    cut.chars().map(escape).collect::<String>() + end
}

/// Text from Logto, cut, and with nothing in it that a terminal or a page would act on.
pub fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(MAX_QUOTED).collect();
    if cut.len() == text.len() {
        format!("{cut:?}")
    } else {
        format!("{cut:?}…")
    }
}

fn change(field: &str, from: impl std::fmt::Display, to: impl std::fmt::Display) -> String {
    format!("{field} {from} -> {to}")
}

fn resource(observed: &Observed, id: &str, name: Option<&str>, life: Option<i64>) -> String {
    let Some((indicator, found)) = observed.resource_by_id(id) else {
        return format!("the API resource {}", quoted(id));
    };
    let name = name.map(|name| change("name", quoted(&found.name), quoted(name)));
    let life = life.map(|life| {
        let seconds = |life: i64| format!("{life} s");
        change(
            "life of an access token",
            seconds(found.access_token_ttl),
            seconds(life),
        )
    });
    let changes: Vec<String> = name.into_iter().chain(life).collect();
    format!(
        "the API resource {}: {}",
        quoted(indicator),
        changes.join(", ")
    )
}

fn update_scope(
    observed: &Observed,
    indicator: &str,
    id: &str,
    name: Option<&str>,
    description: Option<&str>,
) -> PlannedStep {
    let Some((old_name, scope)) = scope_by_id(observed, indicator, id) else {
        return in_bounds(PlannedAction::Change, &format!("the scope {}", quoted(id)));
    };
    let name_change = name.map(|name| change("name", quoted(old_name), quoted(name)));
    let what = format!("the scope {}", quoted(old_name));
    described(
        &what,
        name_change.into_iter().collect(),
        &scope.description,
        description,
    )
}

fn update_role(
    observed: &Observed,
    id: &str,
    name: Option<&str>,
    description: Option<&str>,
    is_default: Option<bool>,
) -> PlannedStep {
    let Some((old_name, role)) = role_by_id(observed, id) else {
        return in_bounds(PlannedAction::Change, &format!("the role {}", quoted(id)));
    };
    let name = name.map(|name| change("name", quoted(old_name), quoted(name)));
    let default = is_default.map(|to| change("given to new users", role.is_default, to));
    let what = format!("the role {}", quoted(old_name));
    described(
        &what,
        name.into_iter().chain(default).collect(),
        &role.description,
        description,
    )
}

/// A change of a description is a change of its text, of its mark, or of both; a first mark takes the object over.
fn described(
    what: &str,
    mut changes: Vec<String>,
    before: &str,
    after: Option<&str>,
) -> PlannedStep {
    let mut action = PlannedAction::Change;
    if let Some(after) = after {
        let ((old_text, old_mark), (text, mark)) =
            (ownership::split(before), ownership::split(after));
        if old_text != text {
            changes.push(change("description", quoted(old_text), quoted(text)));
        }
        match (&old_mark, &mark) {
            (None, Some(_)) => {
                action = PlannedAction::Adopt;
                changes.push("the ownership mark is put behind its description".to_owned());
            }
            (Some(_), None) => changes.push("the ownership mark is taken off".to_owned()),
            (Some(old), Some(new)) if old != new => {
                changes.push("the ownership mark becomes another one".to_owned());
            }
            _ => {}
        }
    }
    in_bounds(action, &format!("{what}: {}", changes.join(", ")))
}

fn role_by_id<'a>(observed: &'a Observed, id: &str) -> Option<(&'a str, &'a Role)> {
    let mut roles = observed.roles.iter();
    let found = roles.find(|(_, role)| role.id == id);
    found.map(|(name, role)| (name.as_str(), role))
}

fn role_name(observed: &Observed, id: &str) -> String {
    quoted(role_by_id(observed, id).map_or(id, |(name, _)| name))
}

fn scope_by_id<'a>(
    observed: &'a Observed,
    indicator: &str,
    id: &str,
) -> Option<(&'a str, &'a Scope)> {
    let mut scopes = observed.resources.get(indicator)?.scopes.iter();
    let found = scopes.find(|(_, scope)| scope.id == id);
    found.map(|(name, scope)| (name.as_str(), scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::binding::RoleType;

    fn observed() -> Observed {
        let role = Role {
            id: "r1".into(),
            description: "Reads\u{202e} users".into(),
            type_: RoleType::User,
            is_default: false,
            scopes: None,
        };
        Observed {
            roles: [("reader".to_owned(), role)].into(),
            ..Observed::default()
        }
    }

    fn update(description: &str) -> PlannedStep {
        let step = Step::UpdateRole {
            id: "r1".into(),
            name: None,
            description: Some(description.into()),
            is_default: Some(true),
        };
        planned(&step, &observed())
    }

    #[test]
    fn a_change_is_told_field_by_field_and_without_the_mark() {
        let step = update("Reads [logto-hasura:a/nrBZQoXKpRdtWSSdKzFoQQ]");
        assert_eq!(step.action, PlannedAction::Adopt);
        assert_eq!(
            step.what,
            "the role \"reader\": given to new users false -> true, description \"Reads\\u{202e} users\" -> \"Reads\", the \
             ownership mark is put behind its description"
        );
    }

    #[test]
    fn a_text_of_any_length_fits_into_a_status() {
        let step = update(&"é\n".repeat(5000));
        assert!(step.what.chars().count() <= 1024 && step.what.contains('…'));
        assert!(!step.what.contains('\n'), "{}", step.what);
    }

    #[test]
    fn names_in_a_row_are_few_short_and_escaped() {
        let mut many = vec!["a".repeat(128); 12];
        many[0] = "\u{202e}evil\n".to_owned();
        let said = names(&many);
        assert!(said.starts_with("\\u{202e}evil\\n, aaa"), "{said}");
        assert!(said.ends_with("… and 2 more"), "{said}");
        assert!(said.chars().count() < 10 * 45, "{said}");
        assert_eq!(names(&["b", "a"]), "b, a");
    }

    #[test]
    fn a_long_plan_is_cut_and_says_by_how_much() {
        let steps = vec![in_bounds(PlannedAction::Create, "x"); 53];
        let status = status(steps);
        assert_eq!((status.steps.len(), status.left_out), (50, 3));
    }
}
