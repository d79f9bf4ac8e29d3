//! Hasura v2 as the operator sees it: what it checks of its settings when it starts.
