using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Peft;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Data.Uploads;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>What is done with an upload once it is whole: bad input becomes a refusal in one sentence, a disk
/// that does not take it a failure.</summary>
public sealed class UploadWork(SiloContext silo, DatasetDirectory datasets)
{
    private readonly VocabularyDirectory vocabularies =
        new(Path.Combine(silo.DataFolder, VocabularyDirectory.FolderName));

    /// <summary>Where uploads are spooled: what lies there when a silo starts is left over from a kill.</summary>
    public static string FolderOf(SiloContext silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        return Path.Combine(silo.DataFolder, "silos", silo.Name.ToString(), "uploads");
    }

    /// <summary>Tokenises an archive of documents and stores the dataset.</summary>
    public UploadAnswer StoreDataset(string spoolPath, string provenance, Action<long> progress) => Refusing(() =>
    {
        using var staging = datasets.Begin();
        DatasetTokenizer? tokenizer = null;
        DocumentDigest? digest = null;
        string? reference = null;
        try
        {
            using (var archive = File.OpenRead(spoolPath))
                DatasetUploadReader.Read(archive, Begin, () => progress(archive.Position));
            var origin = new DatasetOrigin(digest!.Sha256, reference);
            var stored = staging.Publish(tokenizer!.Complete(), provenance, origin);
            return new UploadAnswer { Dataset = StoredDatasets.Describe(stored, silo.Name) };
        }
        finally
        {
            digest?.Dispose();
            tokenizer?.Dispose();
        }

        DocumentDigest Begin(Gpt2Vocabulary vocabulary)
        {
            // The run that the dataset is for will ask for it.
            vocabularies.Store(vocabulary);
            reference = vocabulary.Reference;
            tokenizer = new DatasetTokenizer(staging.Output, tokenizer: new Gpt2Tokenizer(vocabulary));
            return digest = new DocumentDigest(tokenizer);
        }
    });

    /// <summary>Checks an archive of files and stores it as a model.</summary>
    public UploadAnswer StoreModel(string spoolPath, string name, Action<long> progress) => Refusing(() =>
    {
        if (!StoredPaths.IsName(name))
        {
            throw new UserErrorException(
                $"'{name}' cannot name a model: use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter "
                + "or digit.");
        }

        var target = Path.Combine(silo.DataFolder, "models", name);
        if (Directory.Exists(target))
            throw new UserErrorException($"A model named {name} is in the store already; choose another name.");
        using var staged = new StagedFolder(target);
        using (var archive = File.OpenRead(spoolPath))
            ModelUpload.Read(archive, staged.Path);
        using (var model = ModelFolder.Open(staged.Path))
        {
            _ = model.ReadVocabulary();
            if (PeftAdapter.IsIn(staged.Path))
                _ = PeftAdapter.Read(staged.Path, model.Shape);
            progress(new FileInfo(spoolPath).Length);
        }

        StoredOrigin.Seal(staged.Path);
        staged.Publish();
        return new UploadAnswer { Model = name };
    });

    /// <summary>Whether an exception is about this silo's disk, and not about what was sent.</summary>
    public static bool IsOfDisk(Exception problem) =>
        problem is IOException or UnauthorizedAccessException;

    /// <summary>The answer to an upload that this silo's disk does not take.</summary>
    public UploadAnswer NotStored(Exception problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return new UploadAnswer
        {
            Failure = $"The silo {silo.Name} cannot store the upload in its folder {silo.DataFolder} "
                + $"({problem.Message.TrimEnd('.')}); free space there, or start the silo with --data on another disk.",
        };
    }

    private UploadAnswer Refusing(Func<UploadAnswer> store)
    {
        try
        {
            return store();
        }
        catch (UserErrorException problem)
        {
            return new UploadAnswer { Refusal = problem.Message };
        }
        catch (InvalidDataException problem)
        {
            return new UploadAnswer { Refusal = $"The upload is damaged: {problem.Message}; send it again." };
        }
        catch (Exception problem) when (IsOfDisk(problem))
        {
            return NotStored(problem);
        }
    }
}
