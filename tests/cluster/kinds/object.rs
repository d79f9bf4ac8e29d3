//! A good object of each kind, with the required fields only, and ways to change one thing of it.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    good::Good,
    refusal::{Bad, REQUIRED},
};

/// An object as a user would write it.
#[derive(Clone)]
pub struct Object(Value);

pub fn tenant() -> Object {
    object(
        "LogtoTenant",
        json!({"tenantId": "default", "credentialsSecretRef": {"name": "logto-m2m"}}),
    )
}

pub fn instance() -> Object {
    object(
        "HasuraInstance",
        json!({
            "tenantRef": {"name": "main"},
            "apiResource": {"indicator": "https://shop.example.com/v1/graphql", "name": "Shop"},
            "deploymentRef": {"name": "hasura"},
        }),
    )
}

pub fn binding() -> Object {
    object(
        "HasuraRoleBinding",
        json!({
            "instanceRef": {"name": "shop"},
            "hasuraRole": "user:reader",
            "scope": {"name": "read:user"},
        }),
    )
}

/// The three, in the order in which they refer to each other.
pub fn all() -> [Object; 3] {
    [tenant(), instance(), binding()]
}

fn object(kind: &str, spec: Value) -> Object {
    Object(json!({
        "apiVersion": "logto-hasura.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "row"},
        "spec": spec,
    }))
}

impl Object {
    pub fn json(&self) -> &Value {
        &self.0
    }

    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap()
    }

    pub fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap()
    }

    /// The value at a path like `spec.scope.name`; null when there is none.
    pub fn at(&self, field: &str) -> &Value {
        at(&self.0, field)
    }

    /// The object with a value at a path like `spec.scope.name` or `spec.subjects[0].id`; objects on the way are made.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        *field.split('.').fold(&mut self.0, below_mut) = value.into();
        self
    }

    /// The object without the field at a path.
    pub fn without(mut self, field: &str) -> Self {
        let (parent, key) = field.rsplit_once('.').unwrap_or(("", field));
        let parents = parent.split('.').filter(|key| !key.is_empty());
        let parent = parents.fold(&mut self.0, below_mut);
        let removed = parent.as_object_mut().unwrap().remove(key);
        assert!(
            removed.is_some(),
            "the good object has no {field} to leave out"
        );
        self
    }

    /// One field, for the rows that are about it.
    pub fn field(&self, path: impl Into<Cow<'static, str>>) -> Field<'_> {
        let path = path.into();
        Field { of: self, path }
    }

    /// This object as a row that has to be refused for one field.
    pub fn refused(
        self,
        what: &str,
        field: impl Into<Cow<'static, str>>,
        because: &'static str,
    ) -> Bad {
        let field = field.into();
        Bad {
            what: format!("{field}: {what}"),
            object: self,
            field,
            because,
        }
    }
}

/// One field of a good object.
pub struct Field<'a> {
    of: &'a Object,
    path: Cow<'static, str>,
}

impl Field<'_> {
    /// A row with a value that is refused.
    pub fn bad(&self, what: &str, value: impl Into<Value>, because: &'static str) -> Bad {
        let object = self.of.clone().with(&self.path, value);
        object.refused(what, self.path.clone(), because)
    }

    /// A row for each of these texts.
    pub fn bad_texts(&self, texts: &[(&str, &str)], because: &'static str) -> Vec<Bad> {
        let texts = texts.iter();
        texts
            .map(|(what, text)| self.bad(what, *text, because))
            .collect()
    }

    /// A row without the field, which is required.
    pub fn missing(&self) -> Bad {
        let object = self.of.clone().without(&self.path);
        object.refused("missing", self.path.clone(), REQUIRED)
    }

    /// A row with a value that is accepted.
    pub fn good(&self, what: &str, value: impl Into<Value>) -> Good {
        Good {
            what: format!("{}: {what}", self.path),
            object: self.of.clone().with(&self.path, value),
            field: self.path.clone(),
        }
    }
}

/// The value at a path like `spec.scope.name` or `spec.subjects[0].id`; null when there is none.
pub fn at<'a>(value: &'a Value, field: &str) -> &'a Value {
    field
        .split('.')
        .fold(value, |value, key| match in_list(key) {
            Some((list, number)) => &value[list][number],
            None => &value[key],
        })
}

fn below_mut<'a>(value: &'a mut Value, key: &str) -> &'a mut Value {
    match in_list(key) {
        Some((list, number)) => &mut value[list][number],
        None => &mut value[key],
    }
}

/// `subjects[0]` is the list and the place in it.
fn in_list(key: &str) -> Option<(&str, usize)> {
    let (list, number) = key.strip_suffix(']')?.split_once('[')?;
    Some((list, number.parse().unwrap()))
}
