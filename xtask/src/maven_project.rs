//! A project for Maven, in several modules, and one that uses what it published. The plugins of the
//! build are pinned, and the same in all.

use std::fs;
use std::path::Path;

use anyhow::Result;

/// What stands in every root of a build: plugins, and that equal sources make equal files.
const BUILD: &str = r"
  <properties>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
    <project.build.outputTimestamp>2026-01-01T00:00:00Z</project.build.outputTimestamp>
    <maven.compiler.release>17</maven.compiler.release>
    <maven.test.skip>true</maven.test.skip>
  </properties>
  <build><pluginManagement><plugins>
    <plugin><artifactId>maven-clean-plugin</artifactId><version>3.4.1</version></plugin>
    <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
    <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.14.0</version></plugin>
    <plugin><artifactId>maven-surefire-plugin</artifactId><version>3.5.3</version></plugin>
    <plugin><artifactId>maven-jar-plugin</artifactId><version>3.4.2</version></plugin>
    <plugin><artifactId>maven-source-plugin</artifactId><version>3.3.1</version></plugin>
    <plugin><artifactId>maven-plugin-plugin</artifactId><version>3.15.1</version></plugin>
    <plugin><artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version></plugin>
    <plugin><artifactId>maven-install-plugin</artifactId><version>3.1.4</version></plugin>
    <plugin><artifactId>maven-deploy-plugin</artifactId><version>3.1.4</version></plugin>
  </plugins></pluginManagement>
";

/// A project of three modules: a library, what depends on it, and a plugin.
pub(crate) struct Project<'a> {
    /// The group of all of them.
    pub(crate) group: &'a str,
    /// The version of all of them.
    pub(crate) version: &'a str,
    /// What stands in the library's file, and so makes other bytes of it.
    pub(crate) content: &'a str,
}

impl Project<'_> {
    /// Writes its sources into a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let (group, version) = (self.group, self.version);
        let parent = format!(
            "<parent><groupId>{group}</groupId><artifactId>parent</artifactId>\
             <version>{version}</version></parent>"
        );
        let root = format!(
            "<groupId>{group}</groupId><artifactId>parent</artifactId><version>{version}</version>\n\
             <packaging>pom</packaging>\n\
             <modules><module>lib</module><module>app</module><module>tool</module></modules>\n\
             {BUILD}<plugins><plugin><artifactId>maven-source-plugin</artifactId><executions>\
             <execution><id>sources</id><goals><goal>jar-no-fork</goal></goals></execution>\
             </executions></plugin></plugins></build>"
        );
        pom(folder, &root)?;
        let lib = format!("{parent}<artifactId>lib</artifactId>");
        pom(&folder.join("lib"), &lib)?;
        file(folder, "lib/src/main/resources/lib.txt", self.content)?;
        let depends = dependency(group, "lib", "${project.version}");
        let app =
            format!("{parent}<artifactId>app</artifactId><dependencies>{depends}</dependencies>");
        pom(&folder.join("app"), &app)?;
        file(folder, "app/src/main/resources/app.txt", "the application")?;
        let api = |artifact: &str, group: &str, version: &str| {
            format!(
                "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
                 <version>{version}</version><scope>provided</scope></dependency>"
            )
        };
        let tool = format!(
            "{parent}<artifactId>tool-maven-plugin</artifactId><packaging>maven-plugin</packaging>\
             <name>A tool</name><dependencies>{}{}</dependencies>",
            api("maven-plugin-api", "org.apache.maven", "3.9.11"),
            api(
                "maven-plugin-annotations",
                "org.apache.maven.plugin-tools",
                "3.15.1"
            ),
        );
        pom(&folder.join("tool"), &tool)?;
        let mojo = format!(
            "package tool;\n\
             @org.apache.maven.plugins.annotations.Mojo(name = \"hello\", requiresProject = false)\n\
             public class Hello extends org.apache.maven.plugin.AbstractMojo {{\n\
             public void execute() {{ getLog().info(\"the tool says {}\"); }}\n}}\n",
            self.content
        );
        file(folder, "tool/src/main/java/tool/Hello.java", &mojo)
    }
}

/// Writes a project that has its dependencies, each a group, an artifact and a version or a range,
/// copied to `target/dependency` when it is packaged.
pub(crate) fn write_consumer(folder: &Path, depends: &[(&str, &str, &str)]) -> Result<()> {
    let depends: String = depends
        .iter()
        .map(|(group, artifact, version)| dependency(group, artifact, version))
        .collect();
    let copy = "<plugins><plugin><artifactId>maven-dependency-plugin</artifactId><executions>\
                <execution><phase>package</phase><goals><goal>copy-dependencies</goal></goals>\
                </execution></executions></plugin></plugins></build>";
    let root = format!(
        "<groupId>org.example</groupId><artifactId>consumer</artifactId><version>1</version>\n\
         <packaging>pom</packaging><dependencies>{depends}</dependencies>{BUILD}{copy}"
    );
    pom(folder, &root)
}

fn dependency(group: &str, artifact: &str, version: &str) -> String {
    format!(
        "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
         <version>{version}</version></dependency>"
    )
}

fn pom(folder: &Path, inner: &str) -> Result<()> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n\
         <modelVersion>4.0.0</modelVersion>\n{inner}\n</project>\n"
    );
    file(folder, "pom.xml", &text)
}

fn file(folder: &Path, path: &str, text: &str) -> Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(fs::write(path, text)?)
}
