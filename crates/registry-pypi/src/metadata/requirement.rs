//! Whether a text is a requirement.
//!
//! Rules: [dependency specifiers](https://packaging.python.org/en/latest/specifications/dependency-specifiers/).

use crate::version::is_range;

/// The longest requirement that is read, in bytes.
const LONGEST: usize = 10_000;

/// How deep the conditions of a marker may lie in each other.
const MAX_DEPTH: u32 = 32;

/// What a marker may ask about.
const VARIABLES: &[&str] = &[
    "python_version",
    "python_full_version",
    "os_name",
    "os.name",
    "sys_platform",
    "sys.platform",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform.version",
    "platform_machine",
    "platform.machine",
    "platform_python_implementation",
    "platform.python_implementation",
    "python_implementation",
    "implementation_name",
    "implementation_version",
    "extra",
    "extras",
    "dependency_groups",
];

/// How a marker compares; longer ones before those that they begin with.
const OPERATORS: &[&str] = &["===", "==", "~=", "!=", "<=", ">=", "<", ">"];

/// Whether a text is a requirement, such as `foo[bar]>=1,<2; python_version < "3.9"`.
pub fn is_requirement(text: &str) -> bool {
    text.len() <= LONGEST && Parser(text).requirement().is_some()
}

/// The text that is still to be read.
struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    fn requirement(mut self) -> Option<()> {
        self.blanks();
        self.name()?;
        self.blanks();
        if self.take("[") {
            self.extras()?;
            self.blanks();
        }
        let marker = if self.take("@") {
            self.address()?
        } else {
            self.range()?
        };
        let Some(marker) = marker else {
            return Some(());
        };
        let mut marker = Parser(marker);
        marker.either(0)?;
        marker.blanks();
        marker.0.is_empty().then_some(())
    }

    /// A name: letters, digits, and marks within.
    fn name(&mut self) -> Option<()> {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = self.0.find(|c| !inner(c)).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        self.0 = rest;
        let ends = |c: char| c.is_ascii_alphanumeric();
        (name.starts_with(ends) && name.ends_with(ends)).then_some(())
    }

    /// `bar, baz]`
    fn extras(&mut self) -> Option<()> {
        self.blanks();
        if self.take("]") {
            return Some(());
        }
        loop {
            self.blanks();
            self.name()?;
            self.blanks();
            if self.take("]") {
                return Some(());
            }
            self.take(",").then_some(())?;
        }
    }

    /// The address of what is wanted, and the marker after it, which a blank sets off.
    fn address(&mut self) -> Option<Option<&'a str>> {
        self.blanks();
        let end = self.0.find(char::is_whitespace).unwrap_or(self.0.len());
        let (address, rest) = self.0.split_at(end);
        let rest = rest.trim_start();
        let scheme = address.split_once(':').map(|(scheme, _)| scheme)?;
        let proper = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(proper) {
            return None;
        }
        match rest.strip_prefix(';') {
            Some(marker) => Some(Some(marker)),
            None => rest.is_empty().then_some(None),
        }
    }

    /// The versions that are wanted, in parentheses or not, and the marker after them.
    fn range(&mut self) -> Option<Option<&'a str>> {
        let (range, marker) = match self.0.split_once(';') {
            Some((range, marker)) => (range, Some(marker)),
            None => (self.0, None),
        };
        let range = range.trim();
        let range = match range.strip_prefix('(') {
            Some(inner) => inner.strip_suffix(')')?,
            None => range,
        };
        let range = range.trim();
        // One comma may stand at the end; nothing else is left out.
        let inner = range.strip_suffix(',').unwrap_or(range);
        let full = range.is_empty() || inner.split(',').all(|piece| !piece.trim().is_empty());
        (full && is_range(inner)).then_some(marker)
    }

    /// Conditions with `or` between them.
    fn either(&mut self, depth: u32) -> Option<()> {
        loop {
            self.both(depth)?;
            if !self.word("or") {
                return Some(());
            }
        }
    }

    /// Conditions with `and` between them.
    fn both(&mut self, depth: u32) -> Option<()> {
        loop {
            self.condition(depth)?;
            if !self.word("and") {
                return Some(());
            }
        }
    }

    fn condition(&mut self, depth: u32) -> Option<()> {
        self.blanks();
        if self.take("(") {
            (depth < MAX_DEPTH).then_some(())?;
            self.either(depth + 1)?;
            self.blanks();
            return self.take(")").then_some(());
        }
        self.operand()?;
        self.operator()?;
        self.operand()
    }

    fn operand(&mut self) -> Option<()> {
        self.blanks();
        if let Some(quote) = self.0.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let inner = &self.0[1..];
            self.0 = &inner[inner.find(quote)? + 1..];
            return Some(());
        }
        let variable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let end = self.0.find(|c| !variable(c)).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        self.0 = rest;
        VARIABLES.contains(&name).then_some(())
    }

    fn operator(&mut self) -> Option<()> {
        self.blanks();
        if OPERATORS.iter().any(|operator| self.take(operator)) || self.word("in") {
            return Some(());
        }
        (self.word("not") && self.word("in")).then_some(())
    }

    fn blanks(&mut self) {
        self.0 = self.0.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.0.strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A word, with whatever is around it but letters.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(word);
        let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = rest.filter(|rest| !rest.starts_with(goes_on));
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements() {
        for good in [
            "foo",
            "Foo.Bar",
            "foo>=1",
            "foo >=1,<2",
            "foo (>=1,<2)",
            "foo>=1,",
            "foo (>=1,)",
            "foo===1.0-weird; os_name == 'nt'",
            "foo (===x)",
            "foo ()",
            "foo[bar]",
            "foo[ bar , baz ]>=1",
            "foo[]",
            "foo==1.*; python_version < \"3.9\"",
            "foo; python_version<'3.9' and (os_name == 'nt' or extra == 'x')",
            "foo; 'linux' in sys_platform",
            "foo; sys_platform not in 'linux'",
            "foo ; (extra == 'test')",
            "foo @ https://upstream.example/foo-1.0.tar.gz",
            "foo[bar]@git+https://upstream.example/foo ; os_name == 'nt'",
        ] {
            assert!(is_requirement(good), "{good}");
        }
        let deep = format!("foo; {}os_name == 'nt'{}", "(".repeat(40), ")".repeat(40));
        for bad in [
            "",
            "-foo",
            "foo bar",
            "foo >= ",
            "foo (>=1",
            "foo,",
            "foo ,>=1",
            "foo>=1,,<2",
            "foo (===a)b)",
            "foo===a b",
            "foo >=1 bar",
            "foo[bar",
            "foo[bar baz]",
            "foo;",
            "foo; python_version",
            "foo; python_version < 3.9",
            "foo; python_version < '3.9' and",
            "foo; colour == 'red'",
            "foo; os_name == 'nt' extra == 'x'",
            "foo @",
            "foo @ nowhere",
            "foo @ https://upstream.example/x y",
            &deep,
        ] {
            assert!(!is_requirement(bad), "{bad}");
        }
    }
}
