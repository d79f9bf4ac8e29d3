//! The part of Logto that the operator uses, kept honest by recorded exchanges.
