//! OpenAPI descriptions: their operations, and how they judge an exchange.

mod answer;
mod body;
mod description;
mod examples;
mod judgement;
mod media;
mod operation;
mod parameter;
mod path_template;
mod security;
mod shape;
mod view;

pub(super) use description::OpenApi;
