// Command sdkgen writes code for a Pulumi schema in one language, with Pulumi's own generators: the SDK, or the
// program that `pulumi import` prints for what a stack has imported.
//
// `pulumi package gen-sdk` and `pulumi import` do the same through the language's host, but the hosts that can be
// built from tagged Go modules are older than those calls; tools/sdks.py uses this program where the host cannot.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blang/semver"
	"github.com/hashicorp/hcl/v2"
	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/pcl"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/pkg/v3/importer"
	"github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
)

const tool = "pulumi-edas-scale"

const usage = `usage: sdkgen sdk SCHEMA LANGUAGE DIRECTORY
       sdkgen program SCHEMA LANGUAGE EXPORT
EXPORT is what 'pulumi stack export' prints; the program goes to stdout.`

func generateSDK(language string, pkg *schema.Package) (map[string][]byte, error) {
	switch language {
	case "go":
		return gogen.GeneratePackage(tool, pkg, nil)
	case "nodejs":
		return nodejs.GeneratePackage(tool, pkg, nil, nil, false, nil)
	case "python":
		return python.GeneratePackage(tool, pkg, nil, nil)
	}
	return nil, fmt.Errorf("no generator for %q", language)
}

func writeSDK(pkg *schema.Package, language, directory string) error {
	files, err := generateSDK(language, pkg)
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generators of programs, by language.
var programs = map[string]func(*pcl.Program) (map[string][]byte, hcl.Diagnostics, error){
	"go":     gogen.GenerateProgram,
	"nodejs": nodejs.GenerateProgram,
	"python": python.GenerateProgram,
}

// writeProgram does what `pulumi import` does after it has imported: a program that declares every resource of
// the package that is in the exported state.
func writeProgram(pkg *schema.Package, language, export string, out io.Writer) error {
	generate, known := programs[language]
	if !known {
		return fmt.Errorf("no generator for %q", language)
	}
	imported, all, err := readStates(pkg, export)
	if err != nil {
		return err
	}
	write := func(out io.Writer, program *pcl.Program) error {
		files, diagnostics, err := generate(program)
		if err != nil {
			return err
		}
		if diagnostics.HasErrors() {
			return diagnostics
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if _, err := out.Write(files[name]); err != nil {
				return err
			}
		}
		return nil
	}
	return importer.GenerateLanguageDefinitions(out, onePackage{pkg}, write, imported, all, nil)
}

func readStates(pkg *schema.Package, export string) (imported, all []*resource.State, err error) {
	text, err := os.ReadFile(export)
	if err != nil {
		return nil, nil, err
	}
	var exported struct {
		Deployment apitype.DeploymentV3 `json:"deployment"`
	}
	if err := json.Unmarshal(text, &exported); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", export, err)
	}
	for _, each := range exported.Deployment.Resources {
		state, err := stack.DeserializeResource(each, config.NopDecrypter)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", each.URN, err)
		}
		all = append(all, state)
		if strings.HasPrefix(string(each.Type), pkg.Name+":") {
			imported = append(imported, state)
		}
	}
	return imported, all, nil
}

// onePackage is the loader of programs that use one package.
type onePackage struct{ pkg *schema.Package }

func (l onePackage) LoadPackage(name string, _ *semver.Version) (*schema.Package, error) {
	if name != l.pkg.Name {
		return nil, fmt.Errorf("the package %q is not %q", name, l.pkg.Name)
	}
	return l.pkg, nil
}

func (l onePackage) LoadPackageV2(_ context.Context, wanted *schema.PackageDescriptor) (*schema.Package, error) {
	return l.LoadPackage(wanted.Name, wanted.Version)
}

func (l onePackage) LoadPackageReference(name string, version *semver.Version) (schema.PackageReference, error) {
	pkg, err := l.LoadPackage(name, version)
	if err != nil {
		return nil, err
	}
	return pkg.Reference(), nil
}

func (l onePackage) LoadPackageReferenceV2(
	_ context.Context, wanted *schema.PackageDescriptor,
) (schema.PackageReference, error) {
	return l.LoadPackageReference(wanted.Name, wanted.Version)
}

func readSchema(path string) (*schema.Package, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	pkg, diagnostics, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if diagnostics.HasErrors() {
		return nil, fmt.Errorf("%s: %w", path, diagnostics)
	}
	return pkg, nil
}

func run(command, schemaFile, language, place string) error {
	pkg, err := readSchema(schemaFile)
	if err != nil {
		return err
	}
	if command == "program" {
		return writeProgram(pkg, language, place, os.Stdout)
	}
	return writeSDK(pkg, language, place)
}

func main() {
	if len(os.Args) != 5 || (os.Args[1] != "sdk" && os.Args[1] != "program") {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "sdkgen:", err)
		os.Exit(1)
	}
}
