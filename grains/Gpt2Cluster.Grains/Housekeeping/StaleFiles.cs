using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Housekeeping;

/// <summary>
/// What killed processes have left in the data folder: half-written checkpoints, models and datasets, and uploads whose
/// client has to begin again. A checkpoint that was about to be replaced is put back.
/// </summary>
public static class StaleFiles
{
    /// <summary>Removes them; called when a silo starts. Silos that share the folder are not disturbed.</summary>
    public static void Remove(SiloContext silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        StagedFolder.Sweep(Path.Combine(silo.DataFolder, "models"));
        StagedFolder.Sweep(Path.Combine(silo.DataFolder, "datasets"));
        var runs = Path.Combine(silo.DataFolder, "runs");
        foreach (var run in Directory.Exists(runs) ? Directory.GetDirectories(runs) : [])
        {
            var checkpoints = Path.Combine(run, CheckpointStore.CheckpointsFolder);
            StagedFolder.Sweep(checkpoints);
            new ReplacedCheckpoint(new DataDisk()).Sweep(checkpoints);
        }

        RemoveSpools(UploadWork.FolderOf(silo));
    }

    private static void RemoveSpools(string folder)
    {
        foreach (var spool in Directory.Exists(folder) ? Directory.GetFiles(folder, "*.spool") : [])
        {
            try
            {
                File.Delete(spool);
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                // It takes room and does no harm; the next start tries again.
            }
        }
    }
}
