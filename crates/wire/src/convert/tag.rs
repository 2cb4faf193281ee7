//! Tags.

use linkway_domain::tag::decide::TagChange;

use crate::generated::{Tag, TagResourceRequest, UntagResourceRequest};

/// A request's tags as the domain takes them.
#[must_use]
pub fn tag_pairs(tags: Option<Vec<Tag>>) -> Vec<(String, Option<String>)> {
    tags.unwrap_or_default()
        .into_iter()
        .map(|tag| (tag.key.unwrap_or_default(), tag.value))
        .collect()
}

/// Tags, in the given order; an empty list where there are none.
#[must_use]
pub fn tags<'a>(tags: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Vec<Tag> {
    tags.map(|(key, value)| Tag { key: Some(key.to_owned()), value: value.map(str::to_owned) })
        .collect()
}

impl From<TagResourceRequest> for TagChange {
    fn from(request: TagResourceRequest) -> Self {
        Self {
            arn: request.resource_arn.unwrap_or_default(),
            add: tag_pairs(request.tags),
            remove: Vec::new(),
        }
    }
}

impl From<UntagResourceRequest> for TagChange {
    fn from(request: UntagResourceRequest) -> Self {
        Self {
            arn: request.resource_arn.unwrap_or_default(),
            add: Vec::new(),
            remove: request.tag_keys.unwrap_or_default(),
        }
    }
}
