mod entry;
mod script;
