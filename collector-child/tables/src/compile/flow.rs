//! What functions make of the types of documents.

use super::doc::{Doc, Form, Scalar};
use crate::plan::Function;

/// What a function makes of a value; an error says why it makes nothing of it.
pub(crate) fn flow(function: &Function, doc: &Doc) -> Result<Doc, String> {
    use Function as F;
    let form = doc.form();
    let misfit = |wants: &str| Err(format!("`{function}` is for {wants}, this is {doc}"));
    let text = Ok(Doc::Scalar(Scalar::Text));
    match function {
        F::Present | F::Bool => Ok(Doc::Scalar(Scalar::Bool)),
        F::NotEmpty | F::SortJson => Ok(doc.clone()),
        F::List => Ok(match form {
            Form::List(_) | Form::Any => doc.clone(),
            _ => Doc::List(doc.clone().into()),
        }),
        F::Json | F::Policy => match form {
            Form::Scalar(Scalar::Text) | Form::Any => Ok(Doc::Any),
            Form::Object | Form::Map(_) if *function == F::Policy => Ok(Doc::Any),
            _ => misfit("texts"),
        },
        F::ArnLast
        | F::Basename
        | F::Base64
        | F::Lower
        | F::Upper
        | F::Part(..)
        | F::Prefix(_)
        | F::Suffix(_)
        | F::StripPrefix(_)
        | F::StripSuffix(_)
        | F::Regex(_) => match form {
            Form::Scalar(Scalar::Text) | Form::Any => text,
            Form::List(_) => {
                Err(format!("`{function}` is for texts; for each element of a list write `each:{function}`"))
            }
            _ => misfit("texts"),
        },
        F::Date => match form {
            Form::Scalar(Scalar::Text | Scalar::Time) | Form::Any => text,
            _ => misfit("times"),
        },
        F::StartsWith(_) => match form {
            Form::Scalar(Scalar::Text) | Form::Any => Ok(Doc::Scalar(Scalar::Bool)),
            _ => misfit("texts"),
        },
        F::Split(_) => match form {
            Form::Scalar(Scalar::Text) | Form::Any => Ok(Doc::List(Doc::Scalar(Scalar::Text).into())),
            _ => misfit("texts"),
        },
        F::Str | F::TrueIf(_) => match form {
            Form::Scalar(_) | Form::Any if *function == F::Str => text,
            Form::Scalar(_) | Form::Any => Ok(Doc::Scalar(Scalar::Bool)),
            _ => misfit("texts, numbers and truth values"),
        },
        F::Contains(_) => match form {
            Form::Scalar(Scalar::Text) | Form::List(_) | Form::Any => Ok(Doc::Scalar(Scalar::Bool)),
            _ => misfit("texts and lists"),
        },
        F::EpochSeconds | F::EpochMillis => match form {
            Form::Scalar(Scalar::Int | Scalar::Float | Scalar::Text) | Form::Any => {
                Ok(Doc::Scalar(Scalar::Time))
            }
            _ => misfit("numbers"),
        },
        F::Int | F::Ceil | F::IntDiv(_) => match form {
            Form::Scalar(Scalar::Int | Scalar::Float | Scalar::Text | Scalar::Bool) | Form::Any => {
                Ok(Doc::Scalar(Scalar::Int))
            }
            _ => misfit("numbers"),
        },
        F::Float | F::Div(_) | F::Mul(_) | F::MibToGib | F::BytesToGib => match form {
            Form::Scalar(Scalar::Int | Scalar::Float | Scalar::Text) | Form::Any => {
                Ok(Doc::Scalar(Scalar::Float))
            }
            _ => misfit("numbers"),
        },
        F::Len => match form {
            Form::Scalar(scalar) if scalar != Scalar::Text => misfit("texts, lists and objects"),
            _ => Ok(Doc::Scalar(Scalar::Int)),
        },
        F::Values | F::Keys | F::Pairs(..) => of_object(function, doc, form),
        F::Sorted
        | F::Unique
        | F::Compact
        | F::Flatten
        | F::First
        | F::Last
        | F::Join(_)
        | F::KeyValues(_)
        | F::Sum => of_list(function, doc, form),
    }
}

fn of_object(function: &Function, doc: &Doc, form: Form) -> Result<Doc, String> {
    let value = match form {
        Form::Map(value) => value,
        Form::Object | Form::Any => Doc::Any,
        _ => return Err(format!("`{function}` is for objects, this is {doc}")),
    };
    Ok(match function {
        Function::Keys => Doc::List(Doc::Scalar(Scalar::Text).into()),
        Function::Pairs(key, name) => {
            let pair = Doc::empty().with(key, Doc::Scalar(Scalar::Text)).with(name, value);
            Doc::List(pair.into())
        }
        _ => Doc::List(value.into()),
    })
}

fn of_list(function: &Function, doc: &Doc, form: Form) -> Result<Doc, String> {
    let element = match form {
        Form::List(element) => element,
        Form::Any => Doc::Any,
        _ => return Err(format!("`{function}` is for lists, this is {doc}")),
    };
    Ok(match function {
        Function::First | Function::Last => element,
        Function::Join(_) => Doc::Scalar(Scalar::Text),
        Function::KeyValues(_) => Doc::Map(Doc::Scalar(Scalar::Text).into()),
        Function::Sum => match element.form() {
            Form::Scalar(Scalar::Int) => element,
            Form::Scalar(Scalar::Float) | Form::Any => Doc::Scalar(Scalar::Float),
            _ => return Err(format!("`{function}` is for lists of numbers, this is {doc}")),
        },
        Function::Flatten => match element.form() {
            Form::List(inner) => Doc::List(inner.into()),
            _ => doc.clone(),
        },
        _ => doc.clone(),
    })
}
