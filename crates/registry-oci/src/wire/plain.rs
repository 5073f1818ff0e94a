//! Objects that every reader of JSON takes for the same.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer,
    },
};

/// What is known by the names of its fields.
pub(super) trait Fields {
    /// The names that mean something.
    const FIELDS: &'static [&'static str];
}

/// A value that is an object, none of whose fields has a name that is one of [`Fields`] but for upper
/// and lower case: readers in Go take such a field for the one, and others do not see it.
pub(super) struct Plain<T>(pub(super) T);

impl<'de, T: Fields + Deserialize<'de>> Deserialize<'de> for Plain<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object(PhantomData))
    }
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Fields + Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = Plain<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Plain<T>, A::Error> {
        let known = T::FIELDS;
        T::deserialize(MapAccessDeserializer::new(Checked { map, known })).map(Plain)
    }
}

/// The fields of an object, whose names are looked at as they pass.
struct Checked<A> {
    map: A,
    known: &'static [&'static str],
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Checked<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key::<Cow<'de, str>>()? else {
            return Ok(None);
        };
        if let Some(known) = self.known.iter().find(|known| is_alike(known, &name)) {
            let message = format!("the field {name:?} has to be written {known:?}");
            return Err(Error::custom(message));
        }
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Whether two names differ, and are the same to who folds case as Unicode does: there are two
/// letters beside ASCII that become ones of it.
fn is_alike(known: &str, name: &str) -> bool {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    };
    known != name && known.chars().map(fold).eq(name.chars().map(fold))
}
