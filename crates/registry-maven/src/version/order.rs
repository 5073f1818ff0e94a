//! Maven's order of versions.
//!
//! A version is a row of tokens: numbers, and words, which are called qualifiers. Tokens end at dots,
//! at hyphens, and where digits and letters meet, which counts as a hyphen; before a qualifier, a dot
//! is a hyphen too. Zeros are left out where they end the version or stand before a hyphen; then rows
//! are compared token by token, and a row that has ended goes on with what says nothing.
//!
//! Maven has this order twice, and the two disagree in places: that of ranges takes `1-1` for `1.1`,
//! and the other one some `1.x-1` for less than they are. Here `1-1` is below `1.1`, as is documented.

use std::cmp::Ordering;

/// The place of a version in Maven's order. Versions that Maven takes for the same are equal.
#[derive(Clone, Debug)]
pub struct Order(Vec<Token>);

/// A token, in the order of kinds: any qualifier, a number after a hyphen, a number after a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Qualifier(Qualifier),
    /// A number, and whether it stands after a dot.
    Number {
        dot: bool,
        value: Number,
    },
}

/// The qualifiers that mean something, in their order, and then all others by the alphabet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Qualifier {
    Alpha,
    Beta,
    Milestone,
    Candidate,
    Snapshot,
    Release,
    ServicePack,
    Other(Box<str>),
}

/// A natural number of any length, without leading zeros: the longer is the greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    length: usize,
    digits: Box<str>,
}

impl Order {
    /// The place of a version.
    pub fn of(version: &str) -> Self {
        let mut tokens: Vec<Token> = Vec::new();
        let lower = version.to_lowercase();
        // Whether a dot stands before the next token; before the first, it is as if one did.
        let mut dot = true;
        for part in lower.split_inclusive(['.', '-']) {
            let ends_in_dot = part.ends_with('.');
            let words = part.strip_suffix(['.', '-']).unwrap_or(part);
            read(&mut tokens, words, dot);
            dot = ends_in_dot;
        }
        trim(&mut tokens);
        Self(tokens)
    }
}

/// Reads the tokens between two separators, the first of which may be a dot.
fn read(tokens: &mut Vec<Token>, words: &str, mut dot: bool) {
    if words.is_empty() {
        push(tokens, number("0", dot));
    }
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits);
        let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
        let token = if digits {
            number(token, dot)
        } else {
            Token::Qualifier(Qualifier::of(token, !after.is_empty()))
        };
        push(tokens, token);
        dot = false;
        rest = after;
    }
}

/// Adds a token. Before a hyphen, and every qualifier has one, zeros are left out.
fn push(tokens: &mut Vec<Token>, token: Token) {
    if !matches!(token, Token::Number { dot: true, .. }) {
        trim(tokens);
    }
    tokens.push(token);
}

/// Leaves out the zeros at the end.
fn trim(tokens: &mut Vec<Token>) {
    while let Some(Token::Number { value, .. }) = tokens.last()
        && value.length == 0
    {
        tokens.pop();
    }
}

fn number(digits: &str, dot: bool) -> Token {
    let digits = digits.trim_start_matches('0');
    let value = Number {
        length: digits.len(),
        digits: digits.into(),
    };
    Token::Number { dot, value }
}

impl Token {
    /// How it compares to a row that has ended: to nothing, of its own kind.
    fn to_nothing(&self) -> Ordering {
        match self {
            Self::Qualifier(qualifier) => qualifier.cmp(&Qualifier::Release),
            // After a hyphen, nothing is the release's qualifier, which is below any number.
            Self::Number { dot: false, .. } => Ordering::Greater,
            Self::Number { value, .. } => value.length.cmp(&0),
        }
    }
}

impl Qualifier {
    /// What a word in lower case means, where a number follows at once or does not.
    fn of(word: &str, number_follows: bool) -> Self {
        match word {
            "alpha" => Self::Alpha,
            "beta" => Self::Beta,
            "milestone" => Self::Milestone,
            "a" if number_follows => Self::Alpha,
            "b" if number_follows => Self::Beta,
            "m" if number_follows => Self::Milestone,
            "rc" | "cr" => Self::Candidate,
            "snapshot" => Self::Snapshot,
            "ga" | "final" | "release" => Self::Release,
            "sp" => Self::ServicePack,
            other => Self::Other(other.into()),
        }
    }
}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (&self.0, &other.0);
        for at in 0..ours.len().max(theirs.len()) {
            let order = match (ours.get(at), theirs.get(at)) {
                (Some(ours), Some(theirs)) => ours.cmp(theirs),
                (Some(ours), None) => ours.to_nothing(),
                (None, Some(theirs)) => theirs.to_nothing().reverse(),
                (None, None) => Ordering::Equal,
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Order {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Order {}
