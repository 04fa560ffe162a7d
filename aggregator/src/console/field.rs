//! What a form shows: what was filled in, and what is wrong with it, each by the field's name.
//!
//! Faults come from the API as JSON pointers into the body that the form was made into; which field a pointer means is the page's
//! knowledge, and what it cannot place stands at the head of the form.

use crate::api::problem::Problem;

/// The values and faults of a form's fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    values: Vec<(String, String)>,
    faults: Vec<(String, String)>,
}

impl Fields {
    /// A form that is filled in like this.
    pub(crate) fn of(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { values: values.into_iter().collect(), faults: Vec::new() }
    }

    /// The same with what a problem says is wrong. `name` is the field that a pointer means.
    #[must_use]
    pub(crate) fn faulted(mut self, problem: &Problem, name: impl Fn(&str) -> String) -> Self {
        let faults = problem.faults().iter();
        self.faults.extend(faults.map(|it| (name(&it.field), it.why.clone())));
        if self.faults.is_empty() {
            let field = problem.field().map(&name).unwrap_or_default();
            self.faults.push((field, problem.to_string()));
        }
        self
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field that may be there more than once.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Whether a field has this value, among others perhaps.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.values.iter().any(|(it, given)| it == name && given == value)
    }

    /// What is wrong with a field.
    pub(crate) fn fault(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|(it, _)| it == name).map(|(_, why)| why.as_str())
    }

    /// Everything that is wrong, for the head of the form.
    pub(crate) fn faults(&self) -> &[(String, String)] {
        &self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_stands_beside_its_field() {
        let filled = Fields::of([("id".to_owned(), "Ü".to_owned())]);
        let problem = Problem::invalid("/id", "is not an id");
        let fields = filled.faulted(&problem, |pointer| pointer.trim_start_matches('/').to_owned());
        assert_eq!(fields.value("id"), "Ü");
        assert_eq!(fields.fault("id"), Some("/id is not an id"));
        assert_eq!(fields.fault("name"), None);
        assert!(fields.has("id", "Ü") && !fields.has("id", ""));
    }
}
