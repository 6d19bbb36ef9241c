using Gpt2Cluster.Core;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Makes the data folder and the number that names it.</summary>
public static class DataFolder
{
    private static readonly string[] Folders = ["models", "datasets", "runs", "silos"];

    /// <summary>Makes the folders that are missing.</summary>
    /// <exception cref="UserErrorException">The folder cannot be written.</exception>
    /// <returns>The number that names the folder: silos with the same one share their disk.</returns>
    public static string Open(string path)
    {
        try
        {
            foreach (var folder in Folders)
                Directory.CreateDirectory(Path.Combine(path, folder));
            return IdOf(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The data folder '{path}' cannot be written: {problem.Message}");
        }
    }

    /// <summary>The first silo names the folder; a rename without overwriting decides a race.</summary>
    private static string IdOf(string path)
    {
        var file = Path.Combine(path, "folder-id");
        if (!File.Exists(file))
        {
            var draft = Path.Combine(path, $"folder-id.{Environment.ProcessId}");
            File.WriteAllText(draft, Guid.NewGuid().ToString("N"));
            try
            {
                File.Move(draft, file, overwrite: false);
            }
            catch (IOException) when (File.Exists(file))
            {
                File.Delete(draft);
            }
        }

        return File.ReadAllText(file).Trim();
    }
}
