//! A recipe that no file holds: an operator described its image on the command line. Its texts are those that
//! `ays new image` would write, and they are read in the same way.

use ays_grammar::{Span, hrd};
use ays_model::{InstanceName, Md5, TemplateName};
use md5::Digest;

use crate::environment::Environment;
use crate::instance::InstanceValues;
use crate::new_image::NewImage;
use crate::recipe::{Meaning, Methods, Recipe, Texts, is_service};
use crate::recipe_error::RecipeError;
use crate::secrets::Secrets;
use crate::text::Text;

impl NewImage {
    /// The recipe that this would be if it were written. Its service is the image: the instance has the image's name. Its
    /// secrets are allowed to go where it sends them, on its way to these nodes. `state` tells one install of it from another
    /// where its texts do not.
    pub fn recipe(
        &self,
        environment: &Environment,
        nodes: &[ays_model::NodeName],
        description: Option<String>,
        state: &str,
    ) -> Result<Recipe, RecipeError> {
        let text = |content: String| Text { name: "ays image add".to_owned(), bytes: content.into_bytes() };
        let (service_text, actions) = (text(self.service()), text(self.actions()));
        let service = hrd::parse(&service_text.name, &service_text.bytes)?
            .resolve(&service_text.name, &service_text.bytes)?;
        let (secrets, instance) = (Secrets::new(&environment.secrets), InstanceValues::default());
        let texts = Texts { service: (&service, &service_text), actions: Some(&actions), of: None };
        let read = texts.read(environment, &instance, &secrets);
        // What a secret that cannot be read has led to is not worth a word.
        let mut uses = secrets.finish("this command")?;
        let Meaning { platforms, downloads, script, parts } = read?;
        // Its texts are made of what somebody typed, perhaps into a form.
        if downloads.len() != 1 || is_service(&service) {
            let message = "what was given says more than where one image is".to_owned();
            return Err(service_text.diagnostic(Span::default(), message).into());
        }
        if !uses.is_empty() {
            let nodes = environment.carrying_nodes(nodes);
            uses.iter_mut().for_each(|used| used.carriers.extend_from_slice(&nodes));
            environment.secrets.permit(&uses)?;
        }
        let mut checksum = md5::Md5::new();
        // A login that was typed into the address is no part of what is kept: a digest of a password can be guessed.
        let shown = downloads.first().map(|download| download.url.to_string()).unwrap_or_default();
        let bare = Self { url: shown, source: String::new(), ..self.clone() };
        for text in
            [bare.service(), bare.actions(), description.clone().unwrap_or_default(), state.to_owned()]
        {
            checksum.update(text);
            checksum.update([0]);
        }
        Ok(Recipe {
            template: TemplateName::by_hand(),
            instance: InstanceName::from(self.name.as_str()),
            checksum: Md5(checksum.finalize().into()),
            answers_digest: instance.digest(),
            commit: None,
            description,
            platforms,
            downloads,
            script,
            // It only registers.
            methods: Methods::default(),
            parts,
        })
    }
}
