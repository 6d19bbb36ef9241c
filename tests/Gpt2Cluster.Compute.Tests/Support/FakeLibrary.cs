using System.ComponentModel;
using System.Diagnostics;

namespace Gpt2Cluster.Compute.Tests.Support;

/// <summary>Makes a shared library of C code, for bindings to libraries that this machine lacks.</summary>
internal static class FakeLibrary
{
    /// <summary>Compiles; the test is skipped where there is no C compiler.</summary>
    public static void Compile(string source, string library, params string[] options)
    {
        try
        {
            using var compiler = Process.Start("cc", ["-shared", "-fPIC", "-o", library, source, .. options]);
            compiler.WaitForExit();
            Assert.Equal(0, compiler.ExitCode);
        }
        catch (Win32Exception)
        {
            Assert.Skip("There is no C compiler (cc) here.");
        }
    }
}
