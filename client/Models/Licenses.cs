using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Models;

/// <summary>The licences that models and runs of a cluster are under.</summary>
internal static class Licenses
{
    /// <summary>
    /// The licence of a model, or of a run: its own, else that of what it began with. Null if nobody said.
    /// </summary>
    public static async Task<string?> Of(ClusterSession session, ModelReference model, CancellationToken cancellation)
    {
        // A name may have been given to another run since: no run is asked twice.
        var asked = new HashSet<RunName>();
        while (model.BaseRun is { } run)
        {
            var grain = session.Grains.Run(run);
            if (!asked.Add(run)
                || await session.Retries.Call(grain.Describe, cancellation) is not { } description)
                return null;
            var specification = description.Record.Specification;
            if (specification.License is { } license)
                return license;
            model = specification.Model;
        }

        if (model.IsScratch)
            return null;
        var name = Presets.Canonical(model.Name);
        var models = await StoredModels.All(session, cancellation);
        return models.FirstOrDefault(one => one.Name == name)?.License;
    }
}
