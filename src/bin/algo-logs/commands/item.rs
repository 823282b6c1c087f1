//! An object of a list, typed and as the service wrote it.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A build or a version that is shown or saved as it was received: with all members in their order, and all digits of
/// its numbers.
#[derive(Debug)]
pub(crate) struct Item<T> {
    pub(crate) typed: T,
    pub(crate) raw: Box<RawValue>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let typed = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        Ok(Self { typed, raw })
    }
}
