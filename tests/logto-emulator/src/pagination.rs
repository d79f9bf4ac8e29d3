//! Pages of a list, and the headers that come with them.

use url::form_urlencoded::Serializer;

use crate::{answer::Answer, call::Call, errors};

const DEFAULT_SIZE: usize = 20;
const MAX_SIZE: usize = 100;

/// A page that was asked for.
pub(crate) struct Page {
    /// Counted from 1.
    number: usize,
    size: usize,
}

impl Page {
    /// The page asked for, or the first.
    pub(crate) fn of(call: &Call) -> Result<Self, Answer> {
        Ok(Self {
            number: number_in(call, "page", usize::MAX)?.unwrap_or(1),
            size: number_in(call, "page_size", MAX_SIZE)?.unwrap_or(DEFAULT_SIZE),
        })
    }

    /// For the lists that come whole where no page is asked for.
    pub(crate) fn if_asked(call: &Call) -> Result<Option<Self>, Answer> {
        let asked = ["page", "page_size"]
            .iter()
            .any(|key| call.query_value(key).is_some_and(|value| !value.is_empty()));
        asked.then(|| Self::of(call)).transpose()
    }

    /// The rows of this page.
    pub(crate) fn rows<T>(&self, all: Vec<T>) -> Vec<T> {
        let start = self.size.saturating_mul(self.number - 1);
        all.into_iter().skip(start).take(self.size).collect()
    }

    /// `Total-Number`, and a `Link` for the first, previous, last and next page.
    pub(crate) fn headers(&self, call: &Call, total: usize) -> Vec<(&'static str, String)> {
        let last = total.div_ceil(self.size).max(1);
        let link = |page: usize, relation: &str| ("link", link(call, page, relation));
        let mut headers = vec![("total-number", total.to_string()), link(1, "first")];
        if self.number > 1 {
            headers.push(link(self.number - 1, "prev"));
        }
        headers.push(link(last, "last"));
        if self.number < last {
            headers.push(link(self.number + 1, "next"));
        }
        headers
    }
}

fn number_in(call: &Call, key: &str, max: usize) -> Result<Option<usize>, Answer> {
    let invalid = || {
        errors::coded(
            400,
            "guard.invalid_pagination",
            "The request pagination value is invalid.",
        )
    };
    let Some(text) = call.query_value(key).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number: f64 = text.trim().parse().map_err(|_| invalid())?;
    if !number.is_finite() || number <= 0.0 || number > max as f64 {
        return Err(invalid());
    }
    if number.fract() != 0.0 {
        // Only PostgreSQL minds a fraction.
        return Err(errors::invalid_entity_input());
    }
    Ok(Some(number as usize))
}

// Logto's links lack the /api prefix: the router that makes them is mounted below it.
fn link(call: &Call, page: usize, relation: &str) -> String {
    let mut values: Vec<(&str, String)> = Vec::new();
    for (key, value) in &call.query {
        match values.iter_mut().find(|(name, _)| name == key) {
            // A repeated key is one array in koa's query, which becomes text with commas.
            Some((_, joined)) => *joined = format!("{joined},{value}"),
            None => values.push((key, value.clone())),
        }
    }
    match values.iter_mut().find(|(name, _)| *name == "page") {
        Some((_, value)) => *value = page.to_string(),
        None => values.push(("page", page.to_string())),
    }
    let query = Serializer::new(String::new()).extend_pairs(values).finish();
    let path = call.path.strip_prefix("/api").unwrap_or(&call.path);
    format!("<{}{path}?{query}>; rel=\"{relation}\"", call.origin())
}
