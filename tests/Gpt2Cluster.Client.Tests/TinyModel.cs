using System.Text;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Client.Tests;

/// <summary>The smallest model folder with the real vocabulary, sound or with one word of its header changed.</summary>
internal static class TinyModel
{
    private const string Weights = "model.safetensors";

    private static readonly ModelShape Shape = new(50257, 8, 4, 1, 1);

    /// <summary>Writes it.</summary>
    /// <param name="folder">Must not be there yet.</param>
    /// <param name="changes">Words of the weights' header and what stands in their place, of the same length.</param>
    public static string Write(string folder, params (string Word, string Other)[] changes)
    {
        ModelFolderWriter.Write(folder, new ParameterLayout(Shape), (_, into) => into.Clear());
        foreach (var (word, other) in changes)
        {
            var path = Path.Combine(folder, Weights);
            var bytes = File.ReadAllBytes(path);
            var at = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(word));
            Assert.True(at > 0 && word.Length == other.Length, $"'{word}' cannot be changed in {path}");
            Encoding.UTF8.GetBytes(other, bytes.AsSpan(at));
            File.WriteAllBytes(path, bytes);
        }

        return folder;
    }

    /// <summary>Cuts the second half of the weights off.</summary>
    public static void Truncate(string folder)
    {
        using var file = File.OpenWrite(Path.Combine(folder, Weights));
        file.SetLength(file.Length / 2);
    }
}
