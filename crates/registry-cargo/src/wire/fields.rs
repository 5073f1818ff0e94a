//! Fields that are not known here, and are kept as they are.

use std::fmt;

use serde::{
    Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// How many fields of an object that are not known are kept.
const MAX_FIELDS: usize = 100;
/// The most bytes of them.
const MAX_BYTES: usize = 64 << 10;

/// The fields of an object that are not known, each once, as JSON without line breaks.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The fields of an object but for those in `known`, which are passed over and not held.
    ///
    /// # Errors
    /// When it is no object, or has more of them than are kept.
    pub(super) fn read(object: &RawValue, known: &[&[&str]]) -> serde_json::Result<Self> {
        serde_json::Deserializer::from_str(object.get()).deserialize_map(Unknown(known))
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Reads what is not among these.
struct Unknown<'a>(&'a [&'a [&'a str]]);

impl<'de> Visitor<'de> for Unknown<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
        let mut size = 0;
        while let Some(name) = map.next_key::<String>()? {
            if self.0.iter().any(|known| known.contains(&&*name)) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            size += name.len() + value.get().len();
            if fields.len() == MAX_FIELDS || size > MAX_BYTES {
                return Err(A::Error::custom(format!(
                    "of fields that are not known, there may be {MAX_FIELDS} of {MAX_BYTES} bytes"
                )));
            }
            let value = on_one_line(value).map_err(A::Error::custom)?;
            // The last of equal names counts.
            fields.retain(|(of, _)| *of != name);
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}

/// The same value on one line, if every reader can read it, as deep in the index as it may come to lie.
fn on_one_line(value: &RawValue) -> serde_json::Result<Box<RawValue>> {
    let [[[value]]]: [[[Value; 1]; 1]; 1] = serde_json::from_str(&format!("[[[{value}]]]"))?;
    to_raw_value(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<String, String> {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let fields = Fields::read(raw, &[&["known"], &["own"]]);
        let fields = fields.map_err(|error| error.to_string())?;
        Ok(serde_json::to_string(&fields).unwrap())
    }

    #[test]
    fn what_is_not_known_is_kept_once_and_on_one_line() {
        for (json, kept) in [
            ("{}", "{}"),
            (r#"{ "known": [1], "own": "x" }"#, "{}"),
            (
                "{ \"a\": [1,\n { \"b\": \"\\n\" } ] }",
                r#"{"a":[1,{"b":"\n"}]}"#,
            ),
            (r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"b":2,"a":3}"#),
        ] {
            assert_eq!(read(json).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn it_is_bounded() {
        let many = |count: usize| {
            let fields: Vec<_> = (0..count).map(|n| format!("\"{n}\":0")).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(read(&many(MAX_FIELDS)).is_ok());
        assert!(read(&many(MAX_FIELDS + 1)).is_err());
        let long = |name: &str, length: usize| format!("{{\"{name}\":\"{}\"}}", "x".repeat(length));
        // The name and two quotes are counted too.
        assert!(read(&long("a", MAX_BYTES - 3)).is_ok());
        assert!(read(&long("a", MAX_BYTES - 2)).is_err());
        assert!(read(&long("known", MAX_BYTES * 2)).is_ok());
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&deep(120)).is_ok());
        assert!(read(&deep(126)).is_err());
        for bad in ["[]", "1", r#"{"a":"\ud800"}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
