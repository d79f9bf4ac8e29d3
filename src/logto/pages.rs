//! Lists that come in pages without an order.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use url::Url;

use super::Client;
use super::error::{Error, Unexpected};
use super::operation::Operation;
use super::refusal::unexpected;

/// Logto's largest.
const PAGE_SIZE: usize = 100;
/// A list that still does not add up after this many readings is given as incomplete.
const READINGS: usize = 3;
/// 100,000 rows; whatever a Total-Number says.
const MOST_PAGES: usize = 1000;

/// A list, and whether it is all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The rows, each id once, sorted by id.
    pub rows: Vec<T>,
    /// Whether there are as many rows as Logto says there are. While rows are written between the pages one can be
    /// missing even then, so read an object by id before concluding that it is gone.
    pub complete: bool,
}

type Rows<T> = BTreeMap<String, T>;

impl Client {
    /// Reads all pages of a list. Logto's lists have no ORDER BY, so a row can move to a page that was read already
    /// (seen on 1.42: 127 rows with 125 ids, two roles missing, under a right Total-Number). Then all is read again, and
    /// the readings are united.
    pub(super) async fn list_pages<T: DeserializeOwned>(
        &self,
        operation: Operation,
        url: Url,
        id: fn(&T) -> &str,
    ) -> Result<Listing<T>, Error> {
        let mut united = Rows::new();
        for _ in 0..READINGS {
            let (rows, total) = self.read_pages(operation, &url, id).await?;
            // One reading that adds up is better than the union, which may hold what has been deleted meanwhile.
            if rows.len() == total {
                return Ok(listing(rows, true));
            }
            united.extend(rows);
            if united.len() == total {
                return Ok(listing(united, true));
            }
        }
        Ok(listing(united, false))
    }

    async fn read_pages<T: DeserializeOwned>(
        &self,
        operation: Operation,
        url: &Url,
        id: fn(&T) -> &str,
    ) -> Result<(Rows<T>, usize), Error> {
        let mut rows = Rows::new();
        let mut page = 0;
        loop {
            page += 1;
            let mut url = url.clone();
            url.query_pairs_mut()
                .append_pair("page", &page.to_string())
                .append_pair("page_size", &PAGE_SIZE.to_string());
            let answer = self.call(operation, |http| http.get(url.clone())).await?;
            let total = answer
                .total
                .ok_or_else(|| unexpected(operation, answer.status, Unexpected::NoTotal))?;
            if total > MOST_PAGES * PAGE_SIZE {
                return Err(unexpected(operation, answer.status, Unexpected::TooLarge));
            }
            let page_rows: Vec<T> = answer.decode(operation)?;
            let past_the_end = page_rows.is_empty();
            rows.extend(page_rows.into_iter().map(|row| (id(&row).to_owned(), row)));
            // Counted, not followed: the URLs in Logto's Link header lack /api.
            if past_the_end || page * PAGE_SIZE >= total {
                return Ok((rows, total));
            }
        }
    }
}

fn listing<T>(rows: Rows<T>, complete: bool) -> Listing<T> {
    Listing {
        rows: rows.into_values().collect(),
        complete,
    }
}
