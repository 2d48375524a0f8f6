//! What the methods of a recipe ask for, done on the node; what goes wrong is for the method to know.

use std::path::PathBuf;

use ays_actions::{Action, Outcome as ActionOutcome, ServiceKey, Value};
use ays_model::{Check, ChecksumKind, Download, FileAction, NodeAction, NodeAnswer, SecretUrl, StepName};
use ays_protocol::{Act, Fetch, Hidden, MAX_FRAME, Outcome, Step};
use ays_transport::HelperError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::install_error::InstallError;
use crate::lifecycle::Asked;
use crate::local_methods;
use crate::other_services::ServiceOrder;
use crate::service_on_node::{OnNode, note};

/// The most bytes of an action, as it is sent. It has to fit into a frame.
const MOST: usize = MAX_FRAME as usize / 2;

impl OnNode<'_, '_> {
    /// Does what a method asks for.
    pub async fn act(
        &mut self,
        Asked { action, shown, is_local, .. }: Asked,
    ) -> Result<ActionOutcome, InstallError> {
        if let Action::Print(_) = action {
            self.done(StepName::Print, shown.strip_prefix("print ").unwrap_or(&shown));
            return Ok(ActionOutcome::Done);
        }
        self.start_step(StepName::Action, shown.as_str());
        let outcome = match action {
            Action::Node(action) if is_local => self.on_controller(&action).into(),
            Action::Node(action) => self.on_node(&action).await?.into(),
            Action::Download { url, path, md5, overwrite } => {
                self.download(&url, path, md5.as_deref(), overwrite).await?
            }
            Action::Service { service: ServiceKey::Other { name, instance, .. }, verb, args } => {
                self.other_service(name, instance, verb, args).await
            }
            Action::Sleep(time) => {
                tokio::time::sleep(time).await;
                ActionOutcome::Done
            }
            // The lifecycle has refused it.
            _ => ActionOutcome::Failed("nothing here does this".to_owned()),
        };
        let told = match &outcome {
            ActionOutcome::Failed(why) => format!("{shown}: it failed: {why}"),
            ActionOutcome::Ran { code: 0, .. } => shown,
            ActionOutcome::Ran { code, .. } => format!("{shown}: exit code {code}"),
            _ => shown,
        };
        self.done(StepName::Action, told);
        Ok(outcome)
    }

    /// Has something done with another service of the node.
    async fn other_service(
        &self,
        name: String,
        instance: String,
        verb: &'static str,
        args: Vec<(String, Value)>,
    ) -> ActionOutcome {
        let Some(others) = self.others else {
            return ActionOutcome::Failed("a rehearsal does nothing with other services".to_owned());
        };
        let words = self.recipe.script.as_ref().map(|script| script.words().clone()).unwrap_or_default();
        let mut given = Vec::new();
        for (key, value) in args {
            let Some(value) = value.with_texts(&|text| words.to_references(text)) else {
                let why = format!("`{key}`: only a secret that is written as $(secret.NAME) can be given on");
                return ActionOutcome::Failed(why);
            };
            given.push((key, value));
        }
        let order = ServiceOrder {
            asked_by: self.recipe.template.clone(),
            asking_instance: self.recipe.instance.clone(),
            template: name.into(),
            instance: instance.into(),
            target: self.target.clone(),
            verb,
            args: given,
        };
        match others.act(order).await {
            Ok(is_well) => ActionOutcome::Bool(is_well),
            Err(why) => ActionOutcome::Failed(why),
        }
    }

    /// Does something in the service's directory on this machine. No secret comes there.
    fn on_controller(&self, action: &NodeAction) -> NodeAnswer {
        let script = self.recipe.script.as_ref();
        let text = serde_json::to_string(action).unwrap_or_default();
        if let Some(secret) = script.and_then(|script| script.words().within(&text)) {
            return NodeAnswer::Failed(format!("{secret} would be written to the controller"));
        }
        let Some(service) = self.recipe.service() else {
            return NodeAnswer::Failed("a rehearsal changes nothing outside its own directory".to_owned());
        };
        let directory = local_methods::directory(self.local, &service, self.target.name().as_str());
        local_methods::act(&directory, action)
    }

    async fn on_node(&mut self, action: &NodeAction) -> Result<NodeAnswer, InstallError> {
        let methods = &self.recipe.methods;
        let Some((action, size)) = translated::<NodeAction>(action, &|text| methods.reveal(text)) else {
            return Ok(NodeAnswer::Failed("it cannot be sent to the node".to_owned()));
        };
        if size > MOST {
            let why = format!("{size} bytes are more than a method may send to a node at once: {MOST}");
            return Ok(NodeAnswer::Failed(why));
        }
        let order = Act { service: self.recipe.service(), action: Hidden(action) };
        match self.helper.run(Step::Act(order), |_| {}).await {
            Ok(Outcome::Acted(answer)) => Ok(concealed(&answer, &|text| methods.conceal(text))
                .unwrap_or_else(|| NodeAnswer::Failed("its answer is none".to_owned()))),
            other => Err(InstallError::at(StepName::Action, other)),
        }
    }

    async fn download(
        &mut self,
        url: &str,
        path: String,
        md5: Option<&str>,
        overwrite: bool,
    ) -> Result<ActionOutcome, InstallError> {
        let methods = &self.recipe.methods;
        let failed = |why: String| Ok(ActionOutcome::Failed(methods.conceal(&why)));
        if self.recipe.service().is_none() {
            return failed("a rehearsal changes nothing outside its own directory".to_owned());
        }
        let url = match SecretUrl::parse(&methods.reveal(url)) {
            Ok(url) => url,
            Err(error) => return failed(error.to_string()),
        };
        let check = match md5.map(|md5| ChecksumKind::Md5.read(md5)) {
            None => Check::None,
            Some(Ok(checksum)) => Check::Checksum(checksum),
            Some(Err(error)) => return failed(error.to_string()),
        };
        if !overwrite {
            let look = NodeAction::File(FileAction::Look { path: path.clone(), follow: true });
            if let NodeAnswer::Found(Some(_)) = self.on_node(&look).await? {
                return Ok(ActionOutcome::Done);
            }
        }
        let dest = PathBuf::from(path);
        let at = |source| InstallError::Step { step: StepName::Action, source };
        let network = methods.network(&url);
        let noted = note(self.helper, self.recipe, vec![dest.clone()]).await;
        let download = Download { url, mirrors: Vec::new(), dest, check, member: None, network };
        let fetched = match noted {
            Ok(()) => {
                self.helper.run(Step::Fetch(Fetch { download, share: None, unpack: None }), |_| {}).await
            }
            Err(error) => Err(error),
        };
        match fetched {
            Ok(Outcome::Fetched(_)) => Ok(ActionOutcome::Done),
            Ok(_) => Err(at(HelperError::Answer)),
            Err(HelperError::Failed(failure)) => failed(failure.to_string()),
            Err(error) => Err(at(error)),
        }
    }
}

/// The same with all its texts translated, and how many bytes it is as JSON.
fn translated<T: Serialize + DeserializeOwned>(
    of: &T,
    translate: &dyn Fn(&str) -> String,
) -> Option<(T, usize)> {
    let mut value = serde_json::to_value(of).ok()?;
    translate_all(&mut value, translate);
    let size = value.to_string().len();
    Some((serde_json::from_value(value).ok()?, size))
}

/// An answer without what is to be hidden: also in bytes that are no text as a whole, where a secret, which is a text, lies
/// between those that are none.
fn concealed(answer: &NodeAnswer, conceal: &dyn Fn(&str) -> String) -> Option<NodeAnswer> {
    let bytes = |bytes: Vec<u8>| {
        let parts = bytes.utf8_chunks();
        parts
            .flat_map(|part| [conceal(part.valid()).into_bytes(), part.invalid().to_vec()].concat())
            .collect()
    };
    Some(match translated(answer, conceal)?.0 {
        NodeAnswer::Bytes(content) => NodeAnswer::Bytes(bytes(content)),
        NodeAnswer::Ran { code, stdout, stderr } => {
            NodeAnswer::Ran { code, stdout: bytes(stdout), stderr: bytes(stderr) }
        }
        other => other,
    })
}

fn translate_all(value: &mut Json, translate: &dyn Fn(&str) -> String) {
    match value {
        Json::String(text) => *text = translate(text),
        Json::Array(items) => items.iter_mut().for_each(|item| translate_all(item, translate)),
        Json::Object(fields) => fields.values_mut().for_each(|field| translate_all(field, translate)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_hidden_is_in_no_answer_and_all_else_is() {
        let hide = |text: &str| text.replace("hunter2", "word");
        let ran = |stdout: &[u8], stderr: &[u8]| NodeAnswer::Ran {
            code: 3,
            stdout: stdout.to_vec(),
            stderr: stderr.to_vec(),
        };
        for (answer, expected) in [
            (ran(b"a hunter2 b", &[255, 0]), ran(b"a word b", &[255, 0])),
            (ran(b"\xe2\x82hunter2\xff", b"hunter2\xc3"), ran(b"\xe2\x82word\xff", b"word\xc3")),
            (NodeAnswer::Bytes(b"\0\xffhunter2".to_vec()), NodeAnswer::Bytes(b"\0\xffword".to_vec())),
            (NodeAnswer::Failed("run hunter2".to_owned()), NodeAnswer::Failed("run word".to_owned())),
            (NodeAnswer::Paths(vec!["/hunter2".to_owned()]), NodeAnswer::Paths(vec!["/word".to_owned()])),
            (NodeAnswer::Found(None), NodeAnswer::Found(None)),
        ] {
            assert_eq!(concealed(&answer, &hide), Some(expected));
        }
    }
}
